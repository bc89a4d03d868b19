"""What is wrong with settings, in words: one form for every file of settings."""

from pydantic import ValidationError


def wrong_settings(error: ValidationError) -> str:
    """Each wrong setting by its name, with what is wrong with it."""
    return "; ".join(
        f"{'.'.join(map(str, each['loc'])) or 'all together'}: {each['msg']}" for each in error.errors()
    )
