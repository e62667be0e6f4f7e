"""Draw each recording of TUT Rare Sound Events: spectrogram, events found, strongest tags, and what is attended to.

    python visualize.py --data_dir ./source_datasets/ --graph_dir ./graph/

Writes a PNG for each recording, events.csv, errors.csv and run.json to --graph_dir, attention maps to attention/ in it,
and where the metadata is known distributions, confusion, ROC and PR curves to summary/. Needs 'earwitness[plot]'.
"""

import sys

from earwitness.cli.published import draw_all, run_command

if __name__ == "__main__":
    sys.exit(run_command(__file__, str(__doc__).splitlines()[0], draw_all))
