"""common/make/fetch with a local server: complete, resumed, changed, missing, cut off; and the Makefile's targets."""
import hashlib, http.server, io, os, subprocess, sys, tarfile, threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap

CONTENT = bytes(range(256)) * 400
MD5 = hashlib.md5(CONTENT).hexdigest()


class Server(http.server.ThreadingHTTPServer):
    """Serves files {path: bytes}; `ranges`: whether it supports ranges; `most`: the length after which it cuts answers off."""

    def __init__(self, files, ranges=True, most=None):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.ranges, self.most, self.asked = files, ranges, most, []
        self.url = "http://127.0.0.1:%d" % self.server_address[1]

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server, first = self.server, 0
        asked = self.headers.get("Range")
        server.asked.append(asked)
        body = server.files.get(self.path)
        if body is None:
            return self.send_error(404)
        if asked and server.ranges:
            first = int(asked[len("bytes="):].split("-")[0])
            if first >= len(body):
                return self.send_error(416)
            self.send_response(206)
            self.send_header("Content-Range", "bytes %d-%d/%d" % (first, len(body) - 1, len(body)))
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(body) - first))
        self.end_headers()
        self.wfile.write(body[first:][:server.most])

    def log_message(self, *_):
        pass


def fetch(*arguments, status=0):
    done = subprocess.run([os.path.join(tap.ROOT, "common", "make", "fetch")] + [str(a) for a in arguments],
                          capture_output=True, text=True, timeout=120, env=dict(os.environ, no_proxy="*"))
    assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


def read(path):
    with open(path, "rb") as f:
        return f.read()


def write(path, content):
    with open(path, "wb") as f:
        f.write(content)


def a_file_is_fetched_once():
    with tap.scratch() as folder, Server({"/a.h5": CONTENT}) as server:
        path = os.path.join(folder, "new", "a.h5")
        fetch(server.url + "/a.h5", len(CONTENT), MD5, path)
        assert read(path) == CONTENT and os.listdir(os.path.dirname(path)) == ["a.h5"]
        assert "exists" in fetch(server.url + "/a.h5", len(CONTENT), MD5, path)
        assert len(server.asked) == 1


def an_interrupted_download_goes_on_where_it_stopped():
    with tap.scratch() as folder, Server({"/a.h5": CONTENT}) as server:
        path = os.path.join(folder, "a.h5")
        write(path + ".part", CONTENT[:70000])
        fetch(server.url + "/a.h5", len(CONTENT), MD5, path)
        assert server.asked == ["bytes=70000-"]
        assert read(path) == CONTENT


def a_server_that_cannot_go_on_is_asked_for_the_whole():
    with tap.scratch() as folder, Server({"/a.h5": CONTENT}, ranges=False) as server:
        path = os.path.join(folder, "a.h5")
        write(path + ".part", CONTENT[:70000])
        fetch(server.url + "/a.h5", len(CONTENT), MD5, path)
        assert server.asked == ["bytes=70000-", None]
        assert read(path) == CONTENT


def a_download_cut_off_keeps_what_came_and_says_how_to_go_on():
    with tap.scratch() as folder:
        path = os.path.join(folder, "a.h5")
        with Server({"/a.h5": CONTENT}, most=50000) as server:
            said = fetch(server.url + "/a.h5", len(CONTENT), MD5, path, status=1)
            assert "stopped at 50000 of 102400 bytes" in said and "goes on from there" in said, said
            assert read(path + ".part") == CONTENT[:50000] and not os.path.exists(path)
        with Server({"/a.h5": CONTENT}) as server:
            fetch(server.url + "/a.h5", len(CONTENT), MD5, path)
            assert read(path) == CONTENT


def a_part_that_is_whole_is_not_asked_for_again():
    with tap.scratch() as folder, Server({}) as server:
        path = os.path.join(folder, "a.h5")
        write(path + ".part", CONTENT)
        fetch(server.url + "/a.h5", len(CONTENT), MD5, path)
        assert server.asked == [] and read(path) == CONTENT


def a_wrong_checksum_keeps_nothing():
    with tap.scratch() as folder, Server({"/a.h5": CONTENT[::-1], "/short.h5": CONTENT[:-1]}) as server:
        path = os.path.join(folder, "a.h5")
        said = fetch(server.url + "/a.h5", len(CONTENT), MD5, path, status=1)
        assert "expected " + MD5 in said and len(said.strip().splitlines()) == 2, said
        assert "102399 bytes; expected 102400" in fetch(server.url + "/short.h5", len(CONTENT), MD5, path, status=1)
        write(path + ".part", CONTENT[::-1])
        fetch(server.url + "/a.h5", len(CONTENT), MD5, path, status=1)
        assert os.listdir(folder) == []


def a_missing_file_and_a_missing_server_are_told():
    with tap.scratch() as folder, Server({}) as server:
        path = os.path.join(folder, "a.h5")
        assert "cannot be downloaded" in fetch(server.url + "/a.h5", len(CONTENT), MD5, path, status=1)
        assert "stopped at 0" in fetch("http://127.0.0.1:9/a.h5", len(CONTENT), MD5, path, status=1)


def a_file_larger_than_the_disk_is_refused_before_it_is_asked_for():
    with tap.scratch() as folder, Server({"/a.h5": CONTENT}) as server:
        said = fetch(server.url + "/a.h5", 1 << 60, MD5, os.path.join(folder, "a.h5"), status=1)
        assert "KiB left" in said and server.asked == []


def archive():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name in ("food-101/meta/train.txt", "food-101/images/pizza/1.jpg"):
            info = tarfile.TarInfo(name)
            info.size = 5
            tar.addfile(info, io.BytesIO(b"12345"))
    return out.getvalue()


def make(*arguments):
    done = subprocess.run(["make", "-s", "-C", tap.ROOT] + list(arguments), capture_output=True, text=True, timeout=300,
                          env=dict(os.environ, no_proxy="*"))
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def make_food101_data_unpacks_the_archive_to_DATA():
    content = archive()
    with tap.scratch() as folder, Server({"/food.tar.gz": content}) as server:
        data = os.path.join(folder, "food")
        options = ["food101-data", "DATA=%s/" % data, "FOOD101_URL=%s/food.tar.gz" % server.url,
                   "FOOD101_CHECK=%d %s" % (len(content), hashlib.md5(content).hexdigest())]
        make(*options)
        assert read(data + "/images/pizza/1.jpg") == b"12345" and sorted(os.listdir(data)) == ["images", "meta"]
        assert "exists" in make(*options)
        assert len(server.asked) == 1


def an_archive_that_cannot_be_unpacked_leaves_no_folder():
    with tap.scratch() as folder, Server({"/food.tar.gz": CONTENT}) as server:
        data = os.path.join(folder, "food")
        assert "cannot be unpacked" in fetch(server.url + "/food.tar.gz", len(CONTENT), MD5, data + ".tar.gz", data, status=1)
        assert os.listdir(folder) == ["food.tar.gz"]


def the_published_checksums_are_the_ones_known():
    said = make("-n", "weights", "food101-data")
    for line in ("vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5 58889256 6d6bbae143d832006294945121d1f1fc weights/vgg16_",
                 "cvl/food-101.tar.gz 4996278331 85eeb15f3717b99a5da872d97d918f87 data/food-101.tar.gz data/food-101"):
        assert line in said, said


tap.run(a_file_is_fetched_once, an_interrupted_download_goes_on_where_it_stopped,
        a_server_that_cannot_go_on_is_asked_for_the_whole, a_download_cut_off_keeps_what_came_and_says_how_to_go_on,
        a_part_that_is_whole_is_not_asked_for_again, a_wrong_checksum_keeps_nothing,
        a_missing_file_and_a_missing_server_are_told, a_file_larger_than_the_disk_is_refused_before_it_is_asked_for,
        make_food101_data_unpacks_the_archive_to_DATA, an_archive_that_cannot_be_unpacked_leaves_no_folder,
        the_published_checksums_are_the_ones_known)
