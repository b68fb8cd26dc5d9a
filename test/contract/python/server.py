"""Start and stop the real server process, or point at one that already runs (QUIVER_TEST_URL)."""

import os
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
START_DEADLINE_SECONDS = 60
STOP_DEADLINE_SECONDS = 20


class Server:
    """One `quiver serve` process on a free port, with a home directory of its own."""

    def __init__(self, api_keys: tuple[str, ...] = (), **settings: int):
        """`settings` by their environment names: `max_queued_inputs=1` is QUIVER_MAX_QUEUED_INPUTS."""
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._home = tempfile.TemporaryDirectory(prefix="quiver-contract-")
        self._log = open(Path(self._home.name) / "server.log", "w+b")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("QUIVER_")}
        environment |= {
            "QUIVER_HOST": "127.0.0.1",
            "QUIVER_PORT": str(self.port),
            "QUIVER_HOME": self._home.name,
        }
        environment |= {f"QUIVER_{name.upper()}": str(value) for name, value in settings.items()}
        if api_keys:
            environment["QUIVER_API_KEYS"] = ",".join(api_keys)
        self.process = subprocess.Popen(
            ["node", str(executable()), "serve"],
            cwd=self._home.name,
            env=environment,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        self._wait_until_ready()

    def terminate(self) -> int:
        """Send SIGTERM and return the exit code; a server that does not stop in time is killed and reported."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"still running {STOP_DEADLINE_SECONDS} s after SIGTERM\n{self.log()}") from None

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._log.close()
        self._home.cleanup()

    def log(self) -> str:
        self._log.flush()
        return Path(self._log.name).read_text(errors="replace")[-4000:]

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_DEADLINE_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"exited with {self.process.returncode} before it was ready\n{self.log()}")
            if is_ready(self.url):
                return
            time.sleep(0.1)
        log = self.log()
        self.close()
        raise AssertionError(f"not ready after {START_DEADLINE_SECONDS} s\n{log}")


def executable() -> Path:
    """The command under test; QUIVER_TEST_BIN names another build, for example an unpacked release."""
    return Path(os.environ.get("QUIVER_TEST_BIN", REPOSITORY / "packages/server/bin/quiver.js")).resolve()


def is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=2) as response:
            return response.status == 200
    except (urllib.error.URLError, OSError):
        return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
