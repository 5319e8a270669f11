"""A data directory whose servers want keys, and the command line for its keys."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.server_process import environment


@dataclass
class House:
    data_dir: Path
    settings: dict[str, str]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-m", "reddit_mcp", "keys", *words]
        everything = environment(self.data_dir, **self.settings)
        return subprocess.run(line, env=everything, cwd=self.data_dir, capture_output=True, text=True, check=False)

    def create(self, user: str, *words: str) -> dict[str, Any]:
        ended = self.run("create", "--user", user, "--name", "test", "--tier", "pro", "--json", *words)
        assert ended.returncode == 0, ended.stderr
        made: dict[str, Any] = json.loads(ended.stdout)
        return made
