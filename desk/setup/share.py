"""`spotdesk share`: several hosts may open the folder of the desk from now on."""

from desk.screen.console import out
from resources.home.find import find_desk
from resources.home.marker import share_marker


def share() -> None:
    """Let other hosts open the folder of this desk, on a file system that they all mount.

    Otherwise the folder counts as a copy on another machine: it is halted there and gets an identity of its
    own. A shared desk is known by the inode of its marker. A copy of the folder still counts as one; a clone
    of the whole disk does not.

    Exit code 2: there is no desk, it is a demo or a study, or the folder is itself a copy.
    """
    marker = share_marker(find_desk())
    out.print(
        f"desk {marker.desk_id} may be opened by several hosts. Check on one of them that locks of the file"
        " system hold for the others, too: docs/operations/scale.md",
        soft_wrap=True,
    )
