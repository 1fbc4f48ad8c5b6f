"""Own memory: grows with what is allocated, not with what is mapped."""

import os
import platform
import subprocess
import sys

import numpy as np
import pytest

from har.run.memory import own_memory_mb, return_large_blocks

MB = 64
PROGRAM = f"""
import sys
import numpy as np
from har.run.memory import own_memory_mb

mapped = np.load(sys.argv[1], mmap_mode="r")
before = own_memory_mb()
float(mapped.sum())  # every page of the file becomes resident
read = own_memory_mb()
own = np.ones({MB} << 17)
held = own_memory_mb()
del own
print(before, read, held, own_memory_mb())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="own memory is read from /proc, which Linux has")
def test_pages_of_a_mapped_file_do_not_count_and_allocated_ones_do(tmp_path):
    np.save(tmp_path / "samples.npy", np.ones(MB << 17))
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "samples.npy")]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    before, read, held, released = map(float, result.stdout.split())
    assert read - before < MB / 8
    assert held - read == pytest.approx(MB, abs=MB / 8)
    assert held - released == pytest.approx(MB, abs=MB / 8)


def test_without_the_file_or_its_field_it_is_unknown(tmp_path, monkeypatch):
    monkeypatch.setattr("har.run.memory._STATUS", tmp_path / "status")
    assert own_memory_mb() is None
    (tmp_path / "status").write_text("Name:\tpython\nVmRSS:\t  2048 kB\n")
    assert own_memory_mb() is None
    (tmp_path / "status").write_text("Name:\tpython\nRssAnon:\t  1536 kB\nRssFile:\t  2048 kB\n")
    assert own_memory_mb() == 1.5


RETURNED = """
import numpy as np
from har.run.memory import own_memory_mb, return_large_blocks

changed = return_large_blocks(1 << 20) if {call} else True
before = own_memory_mb()
for size in (24 << 17, 16 << 17):  # 24 MiB, whose end teaches glibc to keep blocks up to that size, then 16 MiB
    kept = []
    for _ in range(4):
        block = np.ones(size)
        kept += [np.ones(12_500) for _ in range(4)]  # too large for older gaps, so that the last lies behind the block
        del block
    blocks = [np.ones(size) for _ in range(4)]
    kept += [np.ones(12_500) for _ in range(4)]
    del blocks
print(int(changed), own_memory_mb() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has the setting")
def test_large_blocks_are_given_back():
    # Without what others ask of the C library: a Dask cluster, of another test, sets MALLOC_TRIM_THRESHOLD_ for all.
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    held = {}
    for call in (False, True):
        command = [sys.executable, "-c", RETURNED.format(call=call)]
        result = subprocess.run(command, capture_output=True, text=True, env=plain)
        assert result.returncode == 0, result.stderr
        changed, held[call] = map(float, result.stdout.split())
        assert changed == 1
    assert held[True] < 8 < held[False]  # how many of the blocks a heap keeps depends on its older gaps


def test_another_c_library_is_left_alone(monkeypatch):
    monkeypatch.setattr("har.run.memory.ctypes.CDLL", lambda name: object())
    assert return_large_blocks() is False
