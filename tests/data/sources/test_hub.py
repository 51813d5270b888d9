"""Downloads, from a small server that speaks the hub's protocol, through the real client in a process of its own."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from dgpo.data.manifest import read_manifest

REVISION = "0123456789abcdef0123456789abcdef01234567"
ROWS = b"".join(json.dumps({"question": f"{i}=?", "answer": f"{i:03}"}).encode() + b"\n" for i in range(30))
CARD = b"""---
configs:
- {config_name: main, data_files: [{split: train, path: main/*}]}
- {config_name: other, data_files: [{split: train, path: other/*}]}
---
"""
REPOSITORIES = {
    "math-ai/aime25": {"README.md": b"# AIME\n", "test.jsonl": ROWS},
    "some/sets": {"README.md": CARD, "main/a.jsonl": ROWS, "other/b.jsonl": ROWS},
}


class Hub(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        id = next((each for each in REPOSITORIES if f"/{each}" in path), "")
        if id and path.removesuffix("/revision/main") == f"/api/datasets/{id}":
            siblings = [{"rfilename": name} for name in REPOSITORIES[id]]
            self.answer(json.dumps({"id": id, "sha": REVISION, "siblings": siblings}).encode())
        elif id and path.startswith(f"/datasets/{id}/resolve/main/"):
            self.answer(REPOSITORIES[id][path.removeprefix(f"/datasets/{id}/resolve/main/")])
        else:
            self.answer(b"{}", status=404, **{"X-Error-Code": "RepoNotFound"})

    do_HEAD = do_GET

    def answer(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in {
            "Content-Length": str(len(body)),
            "ETag": f'"{hashlib.sha256(body).hexdigest()}"',
            "X-Repo-Commit": REVISION,
            **headers,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def prepare(address: str, tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    keep = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
    command = [sys.executable, "-m", "dgpo.cli", "data", "prepare", *arguments, "--out", str(tmp_path / "out")]
    environment = {**keep, "HF_ENDPOINT": address, "HF_HOME": str(tmp_path / "hf"), "NO_PROXY": "127.0.0.1"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)


def test_a_download_is_kept_and_serves_where_the_hub_is_away(hub: ThreadingHTTPServer, tmp_path: Path):
    copy = ["aime25", "--hub-id", "math-ai/aime25"]
    address = f"http://127.0.0.1:{hub.server_address[1]}"
    done = prepare(address, tmp_path, *copy)
    assert done.returncode == 0, done.stderr
    manifest = read_manifest(tmp_path / "out" / "aime25.parquet")
    assert manifest is not None
    assert (manifest.source, manifest.revision, manifest.rows_out) == ("math-ai/aime25", REVISION, 30)
    assert [file["path"] for file in manifest.files] == ["test.jsonl"]
    assert manifest.notes == []

    unknown = prepare(address, tmp_path, "math500")
    assert unknown.returncode == 2
    assert "hub-id=HuggingFaceH4/MATH-500, revision=main" in unknown.stderr

    hub.shutdown()
    hub.server_close()
    again = prepare(address, tmp_path, *copy)
    assert again.returncode == 0, again.stderr
    assert read_manifest(tmp_path / "out" / "aime25.parquet") == manifest

    none = prepare(address, tmp_path, "aime24")
    assert none.returncode == 2
    assert "HuggingFaceH4/aime_2024 cannot be had from the hub" in none.stderr
    assert "hf download --repo-type dataset HuggingFaceH4/aime_2024 --local-dir FOLDER" in none.stderr
    assert "--from FOLDER" in none.stderr


def test_a_data_set_that_is_no_source_is_read_as_a_folder_of_one_s_own(hub: ThreadingHTTPServer, tmp_path: Path):
    address = f"http://127.0.0.1:{hub.server_address[1]}"
    columns = ["--prompt-field", "question"]
    for split in (["--split", "test"], ["--purpose", "benchmark"]):
        done = prepare(address, tmp_path, "math-ai/aime25", *columns, *split)
        assert done.returncode == 0, done.stderr
    for data, says in {
        "math-ai/aime25": "no data file of split 'train' (there are test.jsonl); give the file itself with --from FILE",
        "some/sets": "some/sets on the hub holds several data sets (main: main/a.jsonl, other: other/b.jsonl)",
    }.items():
        refused = prepare(address, tmp_path, data, *columns)
        assert refused.returncode == 2 and says in refused.stderr
