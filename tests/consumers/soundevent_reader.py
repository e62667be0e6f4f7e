"""soundevent reads AOEF, as Whombat imports it: predictions or annotations, with their recordings."""

from __future__ import annotations

import soundevent
from expected import check_events, find_files, read_expected, results_of
from soundevent import data, io

folder = results_of("aoef")
events = read_expected(folder)
found, recordings = [], set()
for path in find_files(folder, "*.json"):
    if path.name == "run.json":
        continue
    content = io.load(path)
    clips = (
        content.clip_predictions
        if isinstance(content, (data.PredictionSet, data.ModelRun))
        else content.clip_annotations
    )
    for clip in clips:
        recordings.add(clip.clip.recording.path.name)
        for each in clip.sound_events:
            geometry = each.sound_event.geometry
            interval = geometry.coordinates if geometry.type == "TimeInterval" else geometry.coordinates[::2]
            tags = [tag.tag if hasattr(tag, "tag") else tag for tag in each.tags]
            assert len(tags) == 1, f"{path}: {tags}"
            found.append((*map(float, interval), tags[0].value))
check_events(found, events, folder)
assert recordings >= {each.stem + ".wav" for each in events}, recordings
print(f"soundevent {soundevent.__version__} reads {len(found)} events of {len(recordings)} recordings")
