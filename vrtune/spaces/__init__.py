"""Search spaces: found by name or path, asked for settings; and users' own files."""

from vrtune.spaces.edges import edge_notes
from vrtune.spaces.files import FROM_FILE, load_file
from vrtune.spaces.space import FOLDERS, Space, load, names
