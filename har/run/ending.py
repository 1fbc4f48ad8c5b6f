"""How a script ends: a status for those who started it, and one line for what they can mend."""

import contextlib
import os
from collections.abc import Callable

import torch

from har.files.room import NoRoomError, explain_no_room, is_no_room
from har.run.checkpoint import CheckpointError
from har.run.constants import HelpAsked
from har.run.distributed import ProcessLostError

MENDABLE = 2
_STANDARD_OUTPUT = 1  # file descriptor
INTERRUPTED, BROKEN_PIPE = 130, 141  # after Ctrl-C and without a reader, as of a shell


class InterruptedRunError(RuntimeError):
    """A run was stopped on purpose; the message says what is done and how to go on."""


def exit_status(work: Callable[[], object], tell: Callable[[str], object], complain: Callable[[str], object]) -> int:
    """Do the work of a script; 0, 2 after one line about what its user can mend, or 130 when it was stopped.

    tell, complain: take a text for people, for standard output and for standard error. What is no fault of the user
    (any other exception) passes through, with its traceback.
    """
    try:
        work()
    except HelpAsked as help_text:
        tell(str(help_text))
    except InterruptedRunError as interruption:
        complain(str(interruption))
        return INTERRUPTED
    except KeyboardInterrupt:
        complain("interrupted")
        return INTERRUPTED
    except (MemoryError, torch.OutOfMemoryError) as error:
        complain(f"error: out of memory; give a smaller BATCH_SIZE, or fewer workers or jobs ({_one_line(error)})")
        return MENDABLE
    except BrokenPipeError:  # whoever reads has seen enough, as `head` has
        with contextlib.suppress(OSError, ValueError):  # what is left to write at the end has no reader either
            os.dup2(os.open(os.devnull, os.O_WRONLY), _STANDARD_OUTPUT)
        return BROKEN_PIPE
    except (OSError, ValueError, ImportError, CheckpointError, ProcessLostError) as error:
        complain(f"error: {_one_line(error)}")
        return MENDABLE
    return 0


def _one_line(error: BaseException) -> str:
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        reason = error.strerror
        if is_no_room(error) and not isinstance(error, NoRoomError):  # where a folder was made, or something was copied
            reason = explain_no_room(error, error.filename)
        return f"{error.filename}: {reason}"
    return " ".join(str(error).split())
