"""A headless Chromium, driven over its DevTools pipe: for tests that look at pages. Needs nothing but the browser."""

import base64
import fcntl
import json
import os
import pathlib
import select
import shutil
import subprocess
import tempfile
import time

EXECUTABLE = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Browser:
    """One browser with one page. What the page complains about is in `errors`."""

    def __init__(self, width=1200, height=900, dark=False):
        if EXECUTABLE is None:
            raise RuntimeError("chromium is not installed: ./setup test installs it")
        self.profile = tempfile.TemporaryDirectory(prefix="ditmill-chromium-", ignore_cleanup_errors=True)
        to_browser, self.commands = self._pipe(0)
        self.answers, from_browser = self._pipe(1)
        # The browser reads commands from descriptor 3 and writes answers to 4, each ended by a NUL.
        shell = f"exec 3<&{to_browser} 4>&{from_browser}; exec \"$@\""
        self.process = subprocess.Popen(
            ["bash", "-c", shell, "browser", EXECUTABLE, "--headless=new", "--remote-debugging-pipe", "--no-sandbox",
             "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions",
             "--disable-background-networking", "--hide-scrollbars", f"--user-data-dir={self.profile.name}", "about:blank"],
            pass_fds=(to_browser, from_browser), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        self.buffer = b""
        self.number = 0
        self.session = None
        self.errors = []
        self.requests = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.emulate(width, height, dark)

    @staticmethod
    def _pipe(browsers_end):
        """A pipe whose end for the browser is no descriptor that the shell is about to replace."""
        ends = list(os.pipe())
        low = ends[browsers_end]
        ends[browsers_end] = fcntl.fcntl(low, fcntl.F_DUPFD, 10)
        os.close(low)
        return ends

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.commands)
        os.close(self.answers)
        self.profile.cleanup()

    def emulate(self, width=1200, height=900, dark=False, motion=True):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "no-preference" if motion else "reduce"}])

    def call(self, method, timeout=120, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.commands, json.dumps(message).encode() + b"\0")
        until = time.monotonic() + timeout
        while True:
            answer = self._read(until, method)
            if answer.get("id") != self.number:
                self._note(answer)
            elif "error" in answer:
                raise RuntimeError(f"{method}: {answer['error']['message']}")
            else:
                return answer["result"]

    def _read(self, until, what):
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.answers], [], [], max(0, until - time.monotonic()))
            if not ready:
                raise TimeoutError(f"the browser does not answer {what}")
            more = os.read(self.answers, 1 << 20)
            if not more:
                raise RuntimeError(f"the browser ended (exit {self.process.poll()}) at {what}")
            self.buffer += more
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def _note(self, event):
        what, facts = event.get("method"), event.get("params", {})
        if what == "Runtime.exceptionThrown":
            details = facts["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description", details["text"]))
        elif what == "Runtime.consoleAPICalled" and facts["type"] in ("error", "warning", "assert"):
            self.errors.append(" ".join(str(value.get("value")) for value in facts["args"]))
        elif what == "Log.entryAdded" and facts["entry"]["level"] in ("error", "warning"):
            self.errors.append(facts["entry"]["text"])
        elif what == "Network.requestWillBeSent":
            self.requests.append(facts["request"]["url"])

    def open(self, path, ready="document.readyState === 'complete'", timeout=120):
        """Opens a file; returns the seconds until `ready` holds."""
        began = time.monotonic()
        self.call("Page.navigate", url=pathlib.Path(path).resolve().as_uri(), timeout=timeout)
        self.wait_for(ready, timeout)
        return time.monotonic() - began

    def evaluate(self, expression, timeout=120):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True,
                           timeout=timeout)
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"].get("exception", {}).get("description", expression))
        return result["result"].get("value")

    def wait_for(self, expression, timeout=120):
        until = time.monotonic() + timeout
        while not self.evaluate(expression, timeout):
            if time.monotonic() > until:
                raise TimeoutError(f"never became true: {expression}; the page's errors: {self.errors}")
            time.sleep(0.05)

    def press(self, key):
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key,
                      windowsVirtualKeyCode={"Enter": 13, "Escape": 27, "ArrowRight": 39, "ArrowDown": 40, "Tab": 9}[key],
                      text="\r" if key == "Enter" and kind == "keyDown" else "")

    def move(self, x, y):
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def screenshot(self, clip=None, kind="png"):
        """The window, or [x, y, width, height] of the page, as bytes."""
        more = {}
        if clip:
            x, y, width, height = clip
            more = {"clip": {"x": x, "y": y, "width": width, "height": height, "scale": 1}, "captureBeyondViewport": True}
        return base64.b64decode(self.call("Page.captureScreenshot", format=kind, **more)["data"])
