"""Label events (AEC): what each recording of TUT Rare Sound Events holds, and how often that is right.

    python generate_labels_event.py --data_dir ./source_datasets/ --event_dir ./event/

Writes events.csv, errors.csv and run.json to --event_dir, and aec.csv where meta.csv or the recipes are found.
"""

import sys

from earwitness.cli.published import label_events, run_command

if __name__ == "__main__":
    sys.exit(run_command(__file__, str(__doc__).splitlines()[0], label_events))
