// Example sets of words.

export const WORD_SETS = [
  { name: "everyday", events: ["speech", "footsteps", "dog bark", "bird song", "car passing by", "siren", "door", "telephone ringing", "music", "rain"], scenes: ["home", "street", "park", "office", "restaurant"] },
  { name: "home", events: ["speech", "baby cry", "dishes", "water tap", "vacuum cleaner", "door knock", "footsteps", "television", "cat"], scenes: ["kitchen", "living room", "bathroom", "bedroom"] },
  { name: "city", events: ["car horn", "siren", "train", "bus", "motorcycle", "crowd", "jackhammer", "bicycle bell", "church bell"], scenes: ["street", "train station", "market", "construction site", "park"] },
  { name: "nature", events: ["bird song", "wind", "rain", "thunder", "stream", "frog", "cricket", "owl", "insect buzzing"], scenes: ["forest", "beach", "meadow", "lakeside", "storm"] },
  { name: "alarms", events: ["smoke alarm", "siren", "glass breaking", "gunshot", "screaming", "explosion", "alarm showTime", "car alarm"], scenes: ["home", "street", "office", "school"] },
];
