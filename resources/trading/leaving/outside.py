"""What stops a message beside the state of the desk: the clock of the machine, and the second place."""

from resources.trading.clock_watch import ClockWatch
from resources.trading.leaving.send import Permission
from resources.trading.second_place import SecondPlace
from spot.risk.state import stricter


def stopped_from_outside(permission: Permission, second_place: SecondPlace | None) -> tuple[str, ...]:
    """Every such reason why the message may not leave.

    The second place may be as strict as the state that the message was judged in, not stricter.
    """
    reasons = []
    problem = ClockWatch(permission.state_folder).look()
    if problem:
        reasons.append(f"the clock is not trusted: {problem}")
    found = second_place.ask(permission.zone) if second_place is not None else None
    if found is not None and stricter(found.state, permission.state) is not permission.state:
        reasons.append(f"{found.state} at the second place: {found.reason}")
    return tuple(reasons)
