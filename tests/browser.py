"""Chromium driven by chromedriver: JSON over HTTP, as the W3C's WebDriver says, by Python's standard library alone."""
import base64, json, os, re, subprocess, tempfile, shutil, urllib.request

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
         "--disable-background-networking", "--disable-component-update", "--force-prefers-reduced-motion"]
KEYS = {"left": "\ue012", "right": "\ue014", "enter": "\ue007", "escape": "\ue00c", "tab": "\ue004"}


class Browser:
    """with Browser() as page: …; downloads come into page.folder."""

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="vggcache-browser-")
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       stderr=subprocess.DEVNULL, text=True)
        for line in self.driver.stdout:
            port = re.search(r"started successfully on port (\d+)", line)
            if port:
                break
        self.base = "http://127.0.0.1:%s/session" % port[1]
        options = {"args": FLAGS + ["--user-data-dir=" + self.folder + "/profile"],
                   "prefs": {"download.default_directory": self.folder, "download.prompt_for_download": False}}
        made = self.call("", {"capabilities": {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options}}})
        self.base += "/" + made["sessionId"]
        return self

    def __exit__(self, *_):
        try:
            self.call("", method="DELETE")
        finally:
            self.driver.terminate()
            self.driver.wait()
            self.driver.stdout.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    def call(self, path, body=None, method=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)["value"]

    def open(self, file):
        self.call("/url", {"url": "file://" + os.path.abspath(file)})

    def reload(self):
        self.call("/refresh", {})

    def run(self, script):
        """What the body of a function returns."""
        return self.call("/execute/sync", {"script": script, "args": []})

    def press(self, *keys):
        """Characters, or names of KEYS, one after the other."""
        actions = [{"type": kind, "value": KEYS.get(key, key)} for key in keys for kind in ("keyDown", "keyUp")]
        self.call("/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def size(self, width, height, dark=False):
        """Of the page, which may be narrower than a window can be; and whether the system is said to be dark."""
        self.call("/goog/cdp/execute", {"cmd": "Emulation.setDeviceMetricsOverride",
                                        "params": {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}})
        self.call("/goog/cdp/execute", {"cmd": "Emulation.setEmulatedMedia", "params": {
            "features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]}})

    def picture(self, file):
        with open(file, "wb") as out:
            out.write(base64.b64decode(self.call("/screenshot")))
