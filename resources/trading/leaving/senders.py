"""The processes that messages leave from: each is registered before it may connect, and can be ended.

A registration is a file in `senders` of the trading state, locked for as long as its process lives. The
kernel lets go of the lock when the process ends, however it ends, also in another container of the host.
Its name says which process it is: zone, process id, start of the process, boot of the machine and name space
of process ids. All five must agree before anything is killed, so no other process ever is.

A sender also says in its arguments for which desk and zone it sends: it is found where the folder was lost.

Standard library alone: the sender imports it.
"""

import contextlib
import fcntl
import os
import pwd
import select
import signal
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = "senders"
MARK = "spotdesk-sender"
"""Argument of every sender, by which a halt knows it."""
END_SECONDS = 0.6
"""Longest wait for processes that were killed; SIGKILL takes milliseconds."""
_PAUSE_SECONDS = 0.002
"""Pause between two looks. Chosen by hand: SIGKILL takes milliseconds, and a halt is to be acknowledged soon
after.
"""
_KILLED = "was killed"
_MOST_LOOKS = 300
"""Nothing new begins once the state says so: each look leaves fewer to be ended."""


@dataclass(frozen=True, slots=True)
class _Process:
    """Which process a registration is of, as its file is named."""

    zone: str
    pid: int
    start: str
    boot: str
    space: str

    @property
    def name(self) -> str:
        return f"{self.zone}.{self.pid}.{self.start}.{self.boot}.{self.space}"

    @property
    def is_of_here(self) -> bool:
        """Whether its process id means the same to this process: same boot, same name space."""
        return (self.boot, self.space) == _here()


@contextlib.contextmanager
def registered(state_folder: Path, zone: str) -> Iterator[None]:
    """Register this process as one from which a message of the zone leaves.

    Whoever looks at the state only after this is seen by every halt that comes later.

    Raises:
        OSError: it cannot be registered; nothing may leave.
    """
    pid = os.getpid()
    boot, space = _here()
    folder = state_folder / FOLDER
    folder.mkdir(exist_ok=True)
    path = folder / _Process(zone, pid, _start_of(pid), boot, space).name
    descriptor = _created_and_locked(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def end_senders(state_folder: Path, zone: str | None, *, seconds: float = END_SECONDS) -> tuple[str, ...]:
    """Kill every sender of the zone, or of the desk, and wait until each is gone.

    The state must say so before: a sender that began later finds it, so it is left alone. Returns those that
    could not be ended, in words; where it is empty, a last look has found no sender from before.
    """
    deadline, begun = time.monotonic() + seconds, _ticks_now()
    found: list[str] = []
    for _ in range(_MOST_LOOKS):
        found = [
            *_look(state_folder / FOLDER, zone, begun),
            *_look_at_processes(state_folder, zone, begun),
        ]
        # On a busy machine one look may take all the time: where all that it found is gone, look again.
        if not found or (time.monotonic() >= deadline and any(not said.endswith(_KILLED) for said in found)):
            break
        time.sleep(_PAUSE_SECONDS)
    return tuple(found)


def _look(folder: Path, zone: str | None, begun: int) -> list[str]:
    """Look at every registration once, and kill whose process lives; what was found, in words."""
    try:
        paths = sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        return [f"the list of senders {folder} cannot be read ({error.strerror})"]
    return [said for path in paths if (said := _end_one(path, zone, begun))]


def arguments(state_folder: Path, zone: str) -> list[str]:
    """By which a sender is known among all processes."""
    return [MARK, os.path.realpath(state_folder), zone]


def _look_at_processes(state_folder: Path, zone: str | None, begun: int) -> list[str]:
    """Kill every sender of the desk by its arguments, registered or not; what was found, in words."""
    wanted = arguments(state_folder, zone or "")[: 2 if zone is None else 3]
    found = []
    for pid in (int(name) for name in os.listdir("/proc") if name.isdigit()):  # noqa: PTH208 - a thousand names
        words = _words_of(pid)
        at = words.index(MARK) if MARK in words else len(words)
        if words[at : at + len(wanted)] == wanted:
            boot, space = _here()
            found.append(_end(_Process(zone or "the desk", pid, _start_of(pid), boot, space), "", begun))
    return [said for said in found if said]


def _end_one(path: Path, zone: str | None, begun: int) -> str:
    """What was found of a registration; empty where its process is gone, or sends for another zone."""
    process = _parse(path.name)
    if process is not None and zone is not None and process.zone != zone:
        return ""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return ""
    except OSError as error:
        return _end(process, f"its registration {path} cannot be opened: {error.strerror}", begun)
    try:
        found = os.fstat(descriptor)
        if stat.S_ISREG(found.st_mode):  # no sender makes anything else
            if _is_locked(descriptor):
                return _end(process, f"{path} is held by an unknown process", begun, found.st_uid)
            path.unlink(missing_ok=True)  # its process ended and left it
    except OSError as error:
        return f"{path} cannot be removed: {error.strerror}"
    finally:
        os.close(descriptor)
    return ""


def _end(process: _Process | None, unknown: str, begun: int, uid: int | None = None) -> str:
    """Kill the process and wait a moment for its end; empty where there is none."""
    if process is None:
        return unknown
    who = f"process {process.pid}{_user(uid)}, which sends for {process.zone},"
    if not process.is_of_here:
        return f"{who} runs on another machine or in another container: end it there"
    if process.start.isdigit() and int(process.start) > begun:
        return ""
    try:
        said = _kill(process)
    except ProcessLookupError:
        said = ""
    except PermissionError:
        said = f"may not be ended by this user: kill -9 {process.pid} as that user or as root"
    except OSError as error:
        said = f"cannot be reached: {error.strerror}"
    return f"{who} {said}" if said else ""


def _kill(process: _Process) -> str:
    """How it went; empty where the process id is that of another process by now."""
    handle = os.pidfd_open(process.pid)
    try:
        if _start_of(process.pid) != process.start or MARK not in _words_of(process.pid):
            return ""
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        # It is readable once the process has closed its connections.
        ended, _, _ = select.select([handle], [], [], END_SECONDS / 4)
    finally:
        os.close(handle)
    return _KILLED if ended else "does not end although it was killed"


def _created_and_locked(path: Path) -> int:
    """A file that this process holds locked and that still has its name."""
    while True:
        descriptor = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return descriptor
        os.close(descriptor)  # a halt looked between the two lines and took it for a leftover


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _parse(name: str) -> _Process | None:
    parts = name.split(".")
    if len(parts) != 5 or not parts[1].isdigit():
        return None
    return _Process(parts[0], int(parts[1]), parts[2], parts[3], parts[4])


def _here() -> tuple[str, str]:
    """Boot of the machine and name space of process ids, as text without dots."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    space = str(Path("/proc/self/ns/pid").readlink())
    return boot.replace("-", ""), "".join(letter for letter in space if letter.isdigit())


def _ticks_now() -> int:
    """The present instant as the starts of processes are told, in ticks since boot (man 5 proc_uptime)."""
    seconds = Path("/proc/uptime").read_text(encoding="ascii").split()[0]
    return int(float(seconds) * os.sysconf("SC_CLK_TCK")) + 1


def _start_of(pid: int) -> str:
    """When a process began, in ticks since boot (man 5 proc_pid_stat, field 22); empty where it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return text.rpartition(")")[2].split()[19]


def _words_of(pid: int) -> list[str]:
    """Arguments of a process, which say whether it is a sender: an enemy may register any other."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="surrogateescape").split("\0")
    except OSError:
        return []


def _user(uid: int | None) -> str:
    if uid is None:
        return ""
    try:
        return f" of {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f" of user {uid}"
