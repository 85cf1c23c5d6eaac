"""Networks that mend or enlarge pictures, from the files of their authors, by `spandrel`, which knows them.

In:  a name of `restoration_networks`, or a file
Out: spandrel's descriptor: the network in eval mode, float32, on the CPU; how it is fed
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from colorize_cli.errors import UsageError, WeightsError, printable
from colorize_cli.models.registry import RestorationSpec, Task
from colorize_cli.models.restoration_networks import chosen
from colorize_cli.models.weights import fetch

if TYPE_CHECKING:
    from spandrel import ImageModelDescriptor

    from colorize_cli.models.transfer import Progress

_WORDS = {Task.restore: "takes noise or blur away", Task.upscale: "enlarges", Task.faces: "restores faces"}
_PURPOSES = {Task.restore: ("Restoration",), Task.upscale: ("SR",), Task.faces: ("FaceSR",)}


def check_installed(option: str) -> None:
    """Refuse an option that needs spandrel where it is not installed.

    Raises:
        UsageError: it is not.
    """
    if find_spec("spandrel") is None or find_spec("torch") is None:
        raise UsageError(
            f"{option} needs the package spandrel, which is not installed",
            hint="Install it: pip install spandrel",
        )


def load_network(name: str, task: Task, on_progress: Progress | None = None) -> ImageModelDescriptor:
    """Load a network; one of the list is pulled where it is not downloaded yet.

    Args:
        name: of the list, or of a file.
        task: what it is to do.
        on_progress: told (bytes here, bytes in all) while it is pulled.

    Raises:
        ModelNotFoundError: no such name or file.
        WeightsError: no weights; or of a network that spandrel does not know, or that does something else.
    """
    from spandrel import ImageModelDescriptor, ModelLoader, UnsupportedModelError

    from colorize_cli.models.published import read_state

    found = chosen(name, task)
    path = fetch(found, on_progress).path if isinstance(found, RestorationSpec) else found
    told = printable(found.name)
    state = read_state(path)
    try:
        network = ModelLoader(device="cpu").load_from_state_dict(state)
    except UnsupportedModelError as error:
        raise WeightsError(
            f"{told} holds no network that spandrel knows",
            hint="Give one that it lists: github.com/chaiNNer-org/spandrel",
        ) from error
    except (RuntimeError, KeyError, ValueError, AssertionError, IndexError) as error:
        raise WeightsError(f"{told} is not whole: its weights do not fit its network", hint="Copy it again.") from error
    if not isinstance(network, ImageModelDescriptor) or network.purpose not in _PURPOSES[task]:
        raise WeightsError(f"{told} is no network that {_WORDS[task]}: it is {network.architecture.name}")
    channels = (network.input_channels, network.output_channels)
    if not set(channels) <= {1, 3} or (task is Task.restore and network.scale != 1):
        raise WeightsError(f"{told} takes {channels[0]} planes and gives {channels[1]}: only 1 or 3 can be fed")
    if task is Task.upscale and network.scale < 2:
        raise WeightsError(f"{told} does not enlarge", hint="Give it to --restore-model.")
    return network.eval()
