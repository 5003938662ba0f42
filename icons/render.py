"""Renders sluice.svg to the sizes that bundles need. Run it after changing the picture."""

import pathlib

import gi

gi.require_version("GdkPixbuf", "2.0")
from gi.repository import GdkPixbuf  # noqa: E402

SIZES = {
    "32x32": 32,
    "128x128": 128,
    "128x128@2x": 256,
    "256x256": 256,
    "512x512": 512,
    "icon": 512,
}
here = pathlib.Path(__file__).parent
for name, side in SIZES.items():
    picture = GdkPixbuf.Pixbuf.new_from_file_at_size(str(here / "sluice.svg"), side, side)
    picture.savev(str(here / f"{name}.png"), "png", [], [])
