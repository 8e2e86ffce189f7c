"""Where the compiled engine's machine code is kept."""

from __future__ import annotations

from pathlib import Path

from policies.sim.kernel import jit


def test_a_change_in_any_kernel_file_compiles_anew(tmp_path: Path) -> None:
    (tmp_path / "caller.py").write_text("a = 1")
    (tmp_path / "callee.py").write_text("b = 1")
    before = jit._sources_hash(tmp_path)

    (tmp_path / "callee.py").write_text("b = 2")

    assert jit._sources_hash(tmp_path) != before


def test_the_folder_exists_and_is_named_after_the_sources() -> None:
    folder = Path(jit._FOLDER)

    assert folder.is_dir()
    assert folder.name.endswith(jit._sources_hash(Path(jit.__file__).parent))
