"""Label Studio's SDK accepts the tasks and their predictions for a project that labels audio."""

from __future__ import annotations

import json
from xml.sax.saxutils import quoteattr

from expected import check_events, find_files, read_expected, results_of
from label_studio_sdk.label_interface import LabelInterface

folder = results_of("labelstudio")
events = read_expected(folder)
labels = "".join(f"<Label value={quoteattr(word)}/>" for word in sorted({each.word for each in events}))
config = f'<View><Labels name="label" toName="audio">{labels}</Labels><Audio name="audio" value="$audio"/></View>'
project = LabelInterface(config)
found, n_tasks = [], 0
for path in find_files(folder, "*.json"):
    if path.name == "run.json":
        continue
    tasks = json.loads(path.read_text(encoding="utf-8"))
    for task in tasks if isinstance(tasks, list) else [tasks]:
        n_tasks += 1
        data = {"data": task["data"]}  # with predictions the SDK calls its own method wrongly
        assert project.validate_task(data), f"{path}: not a task: {task}"
        for prediction in task["predictions"]:
            assert project.validate_prediction(prediction), f"{path}: not a prediction: {prediction}"
            assert prediction.get("model_version"), f"{path}: which model?"
            for each in prediction["result"]:
                value = each["value"]
                assert 0 <= each["score"] <= 1, each
                found.append((value["start"], value["end"], value["labels"][0]))
check_events(found, events, folder)
print(f"Label Studio's SDK accepts {n_tasks} tasks with {len(found)} events")
