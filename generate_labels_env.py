"""Label scenes (blind ASC): where each recording of TUT Rare Sound Events was made, and how often that is right.

    python generate_labels_env.py --data_dir ./source_datasets/ --env_dir ./env/

Writes scenes.csv, errors.csv and run.json to --env_dir, and asc.csv where meta.csv or the recipes are found.
"""

import sys

from earwitness.cli.published import label_scenes, run_command

if __name__ == "__main__":
    sys.exit(run_command(__file__, str(__doc__).splitlines()[0], label_scenes))
