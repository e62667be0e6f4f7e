"""Turn the recipes of TUT Rare Sound Events (mixture_recipes_*.yaml) into meta.csv.

    python ./sound_datasets/rare_sound_event/meta/yaml2csv.py

Takes the recipes beside this script, else those below ./source_datasets/ or --data_dir, and writes meta.csv beside
them, or one for all to --out.
"""

import sys

from earwitness.cli.published import convert_recipes

if __name__ == "__main__":
    sys.exit(convert_recipes(__file__, str(__doc__).splitlines()[0]))
