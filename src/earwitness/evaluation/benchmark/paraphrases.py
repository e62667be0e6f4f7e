"""Other forms of the words for classes of clips, written from common sense: each form should find the same clips."""

PARAPHRASES = {
    "airplane": ("airplane", "an airplane flying over", "aeroplane", "plane overhead"),
    "breathing": ("breathing", "someone breathing", "heavy breathing", "a person breathes"),
    "car_horn": ("car horn", "a car honking", "honking cars", "the horn of a car"),
    "cat": ("cat meow", "a cat meowing", "meowing cat", "cats meow"),
    "church_bells": ("church bells", "bells of a church", "a church bell ringing", "ringing church bells"),
    "clapping": ("clapping", "hands clapping", "people clap", "hand claps"),
    "coughing": ("coughing", "a cough", "someone coughs", "man coughing"),
    "cow": ("cow moo", "a cow mooing", "mooing cows", "cows"),
    "crow": ("crow", "a crow cawing", "crows", "cawing crow"),
    "frog": ("frog", "frogs croaking", "a croaking frog", "the croak of a frog"),
    "glass_breaking": ("glass breaking", "breaking glass", "a glass breaks", "shattered glass"),
    "laughing": ("laughing", "laughter", "people laughing", "a laughing woman"),
    "pig": ("pig", "a pig oinking", "oinking pigs", "pigs"),
    "sheep": ("sheep", "sheep bleating", "a bleating sheep", "the bleat of a sheep"),
    "siren": ("siren", "sirens", "a wailing siren", "the siren of an ambulance"),
    "snoring": ("snoring", "a person snores", "someone snoring loudly", "snore"),
    "thunderstorm": ("thunderstorm", "thunder", "a thunder storm", "rolling thunder"),
    "train": ("train", "a train passing", "trains", "passing train"),
    "vacuum_cleaner": ("vacuum cleaner", "vacuuming", "a vacuum cleaner running", "hoover"),
    "toilet_flush": ("toilet flush", "a toilet flushing", "flushing the toilet", "flushed toilet"),
}
