"""With the presets keras and torchvision, every kind of file gives exactly Pillow's pixels."""
import io, os, re, shutil, struct, subprocess, sys, warnings, zlib

import numpy as np
from PIL import Image, ImageCms, ImageOps

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from tap import BUILD, program, run, scratch

WIDTH, HEIGHT = 301, 203
IMAGES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "images")
random = np.random.RandomState(1)
warnings.simplefilter("ignore")


def waves(width, height, bands):
    """A smooth image with noise, uint8 (height, width, bands), without the last axis for one band."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [127 + 100 * np.sin(x / (5.0 + 3 * k) + k) * np.cos(y / (7.0 + k)) for k in range(bands)]
    noisy = np.stack(planes, -1) + random.randint(-20, 20, (height, width, bands))
    return np.squeeze(noisy.clip(0, 255).astype(np.uint8), 2) if bands == 1 else noisy.clip(0, 255).astype(np.uint8)


def colour(width=WIDTH, height=HEIGHT):
    return Image.fromarray(waves(width, height, 3))


def grey():
    return Image.fromarray(waves(WIDTH, HEIGHT, 1))


def keras(image, side):
    return image.resize((side, side), Image.NEAREST)


def torchvision(image, side):
    """torchvision.transforms' Resize(side * 256 / 224) and CenterCrop(side), bilinear."""
    width, height = image.size
    short = side * 256 // 224
    size = (short, int(short * height / width)) if width <= height else (int(short * width / height), short)
    left, top = (int(round((n - side) / 2.0)) for n in size)
    return image.resize(size, Image.BILINEAR).crop((left, top, left + side, top + side))


def decode(preset, side, paths):
    """Our decoder's pixels of files: uint8 (N, side, side, 3)."""
    done = subprocess.run([os.path.join(BUILD, "tools", "decode"), preset, str(side), "178956970"] + paths,
                          capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return np.frombuffer(done.stdout, np.uint8).reshape(len(paths), side, side, 3)


def compare(files, side=224, read=lambda path: Image.open(path).convert("RGB")):
    """files: name -> bytes, or an image to be saved, or (image, options of save)."""
    with scratch() as folder:
        for name, content in files.items():
            path = os.path.join(folder, name)
            if isinstance(content, bytes):
                open(path, "wb").write(content)
            else:
                image, options = content if isinstance(content, tuple) else (content, {})
                image.save(path, **options)
        paths = [os.path.join(folder, name) for name in files]
        for preset, expected in (("keras", keras), ("torchvision", torchvision)):
            for path, found in zip(paths, decode(preset, side, paths)):
                wanted = np.asarray(expected(read(path), side))
                differing = int((found != wanted).any(-1).sum())
                assert differing == 0, "%s, %s: %d pixels differ" % (os.path.basename(path), preset, differing)


def encoded(image, **options):
    stream = io.BytesIO()
    image.save(stream, **options)
    return stream.getvalue()


def jpegs_in_colour_and_grey():
    exif = Image.Exif()
    exif[274] = 6  # orientation: turned by 90 degrees
    compare({
        "444.jpg": (colour(), {"subsampling": 0}),
        "422.jpg": (colour(), {"subsampling": 1}),
        "420.jpg": (colour(), {"subsampling": 2}),
        "progressive.jpg": (colour(), {"progressive": True}),
        "coarse.jpg": (colour(), {"quality": 10}),
        "grey.jpg": grey(),
        "turned.jpg": (colour(), {"exif": exif.tobytes()}),
        "profile.jpg": (colour(), {"icc_profile": b"not a profile at all" * 10}),
    })


def jpegs_in_cmyk_with_and_without_adobe_marker():
    plain = encoded(Image.fromarray(waves(WIDTH, HEIGHT, 4), "CMYK"), format="JPEG")
    marker = plain.index(b"\xff\xee")
    end = marker + 2 + int.from_bytes(plain[marker + 2:marker + 4], "big")
    compare({
        "cmyk.jpg": plain,
        "unmarked.jpg": plain[:marker] + plain[end:],
        "ycck.jpg": plain[:end - 1] + b"\2" + plain[end:],
    })


def jpegs_that_end_in_rubbish_or_store_rgb():
    plain = encoded(colour(), format="JPEG", subsampling=0)
    adobe_rgb = b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\0"
    compare({
        "after.jpg": plain + b"rubbish" * 10,
        "before.jpg": plain[:-2] + b"\1\2\3" * 10 + plain[-2:],
        "rgb.jpg": plain[:2] + adobe_rgb + plain[20:],
    })


def segments(jpeg):
    """A JPEG as a list of its segments, each with the entropy-coded data that follow it."""
    parts, at = [jpeg[:2]], 2
    while at < len(jpeg):
        end = at + 2 + (0 if jpeg[at + 1] == 0xd9 else int.from_bytes(jpeg[at + 2:at + 4], "big"))
        while jpeg[at + 1] == 0xda and not (jpeg[end] == 0xff and jpeg[end + 1] not in (0, *range(0xd0, 0xd8))):
            end += 1
        parts.append(jpeg[at:end])
        at = end
    return parts


def pad(jpeg):
    """With bytes that are no marker between all segments."""
    start, *rest = segments(jpeg)
    return start + b"\0\1\2\xfe".join(rest)


def scans(jpeg):
    """(header, scans with their tables, end) of a progressive JPEG."""
    parts, all_scans, tables = segments(jpeg), [], b""
    first = next(i for i, part in enumerate(parts) if part[1] == 0xc4)
    for part in parts[first:-1]:
        tables += part
        if part[1] == 0xda:
            all_scans.append(tables)
            tables = b""
    return b"".join(parts[:first]), all_scans, parts[-1]


def restarts(values, markers, before=b""):
    """A grey JPEG of 8x8 blocks, each with one coefficient, value (32 … 63) below 0x40, and a restart marker behind it."""
    lengths = bytes([1] + [0] * 15)
    data = b"".join(bytes([value << 1]) + (before + b"\xff" + bytes([0xd0 + marker]) if i + 1 < len(values) else b"")
                    for i, (value, marker) in enumerate(zip(values, markers)))
    return (b"\xff\xd8" b"\xff\xdb\0\x43\0" + b"\x08" * 64 + b"\xff\xc0\0\x0b\x08\0\x08" +
            struct.pack(">H", 8 * len(values)) + b"\1\1\x11\0" b"\xff\xc4\0\x14\0" + lengths + b"\x06" +
            b"\xff\xc4\0\x14\x10" + lengths + b"\0" b"\xff\xdd\0\x04\0\1" b"\xff\xda\0\x08\1\1\0\0\x3f\0" +
            data + b"\xff\xd9")


BLOCKS, IN_ORDER = [32, 40, 63, 35, 50, 33, 60, 45, 39, 48, 55], [i % 8 for i in range(11)]


def jpegs_that_libjpeg_warns_of_without_loss():
    """jerror.h's JWRN_JFIF_MAJOR, NOT_SEQUENTIAL, EXTRANEOUS_DATA, ADOBE_XFORM and BOGUS_PROGRESSION."""
    plain, cmyk = encoded(colour(), format="JPEG"), encoded(Image.fromarray(waves(WIDTH, HEIGHT, 4), "CMYK"), format="JPEG")
    progressive = encoded(colour(), format="JPEG", progressive=True)
    jfif, sos = plain.index(b"JFIF") + 5, plain.index(b"\xff\xda")
    head, parts, end = scans(progressive)
    zeros = plain[:sos + 11] + b"\0\0\0" + plain[sos + 14:]
    unknown = b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\x07"
    padded = pad(progressive)
    files = {
        "version.jpg": plain[:jfif] + b"\2" + plain[jfif + 1:],
        "parameters.jpg": zeros,
        "padding.jpg": pad(plain),
        "progressive.jpg": padded,
        "transform.jpg": plain[:2] + unknown + plain[20:],
        "cmyk.jpg": cmyk.replace(b"Adobe\0\x64\0\0\0\0\0", b"Adobe\0\x64\0\0\0\0\x07"),
        "order.jpg": head + parts[1] + parts[0] + b"".join(parts[2:]) + end,
        "twice.jpg": head + parts[0] + parts[0] + parts[1] + b"".join(parts[1:]) + end,
        "all.jpg": padded.replace(b"JFIF\0\1", b"JFIF\0\3"),
        "restarts.jpg": restarts(BLOCKS, IN_ORDER),
    }
    compare(files)
    with scratch() as at:
        os.makedirs(at + "/images/a")
        for name, content in files.items():
            with open(at + "/images/a/" + name, "wb") as out:
                out.write(content)
        command = ["extract", "--layer", "input", "--augment", "1", "--rotation-range", "9", at + "/images"]
        remarks = re.findall(r"/a/(\S+): whole, but libjpeg warns of it: (.+)", program(*command, "--verbose", at + "/c").stderr)
        assert [name for name, _ in remarks] == sorted(set(files) - {"restarts.jpg"}), remarks  # it is as it should be
        assert "revision number 2.01" in dict(remarks)["version.jpg"] and "transform code 7" in dict(remarks)["transform.jpg"], remarks
        assert "libjpeg" not in program(*command, at + "/d").stderr


def jpegs_that_libjpeg_warns_of_with_loss():
    """JWRN_HIT_MARKER, HUFF_BAD_CODE, MUST_RESYNC and JPEG_EOF, and the others where pixels are lost; also after a warning
    without loss."""
    plain = encoded(colour(), format="JPEG")
    sos, middle = plain.index(b"\xff\xda"), len(plain) // 2
    head, parts, end = scans(encoded(colour(), format="JPEG", progressive=True))
    refinement = next(i for i, part in enumerate(parts) if part[part.index(b"\xff\xda") + 4 + 2 * 1 + 3] >> 4)
    hit = plain[:middle] + b"\xff\xd9"
    files = {
        "hit.jpg": (hit, "premature end of data segment"),
        "huffman.jpg": (restarts([64, 40], [0, 1], before=bytes(4)), "bad Huffman code"),
        "eof.jpg": (plain[:middle], "Premature end of JPEG file"),
        "order.jpg": (restarts(BLOCKS, IN_ORDER[::-1]), "instead of RST0"),
        "extra.jpg": (restarts(BLOCKS, IN_ORDER, before=bytes(20)), "20 extraneous bytes before marker 0xd0"),
        "refinement.jpg": (head + b"".join(parts[:1] + parts[refinement:]) + end, "Inconsistent progression"),
        "first.jpg": (head + b"".join(part for part in parts[1:] if part is not parts[refinement]) + end, ""),
        "both.jpg": (hit.replace(b"JFIF\0\1", b"JFIF\0\3"), "premature end of data segment"),
    }
    with scratch() as folder:
        for name, (content, _) in files.items():
            open(os.path.join(folder, name), "wb").write(content)
        for name, (_, reason) in files.items():
            done = subprocess.run([os.path.join(BUILD, "tools", "decode"), "keras", "32", "1000000",
                                   os.path.join(folder, name)], capture_output=True)
            assert done.returncode == 1 and b"damaged JPEG (" in done.stderr, (name, done.stderr)
            assert reason in done.stderr.decode(), (name, done.stderr)


def images_of_all_shapes():
    sizes = [(500, 375), (375, 500), (320, 240), (224, 224), (448, 448), (256, 256), (100, 150), (7, 5), (1, 1),
             (2000, 3), (3, 2000), (1, 300), (1023, 767)]
    sizes += [tuple(random.randint(1, 700, 2)) for _ in range(12)]
    compare({"%dx%d.png" % size: colour(*size) for size in sizes})
    compare({"%dx%d.jpg" % size: colour(*size) for size in sizes[:10]})
    compare({"%dx%d.png" % size: colour(*size) for size in sizes[-6:]}, side=64)


def png(depth, kind, rows, interlace=0):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, kind, 0, 0, interlace)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def pngs_of_all_modes():
    palette = colour().quantize(50)
    files = {
        "rgb.png": colour(), "grey.png": grey(), "bilevel.png": grey().convert("1"), "palette.png": palette,
        "rgba.png": Image.fromarray(waves(WIDTH, HEIGHT, 4), "RGBA"),
        "la.png": Image.fromarray(waves(WIDTH, HEIGHT, 2), "LA"),
        "palette_key.png": (palette, {"transparency": 3}),
        "palette_alpha.png": (palette, {"transparency": bytes(range(50))}),
        "rgb_key.png": (colour(), {"transparency": (1, 2, 3)}),
        "grey_key.png": (grey(), {"transparency": 7}),
    }
    for bits in (1, 2, 4):
        files["palette%d.png" % bits] = (colour().quantize(2 ** bits), {"bits": bits})
        files["grey%d.png" % bits] = png(bits, 0, b"".join(b"\0" + random.bytes((WIDTH * bits + 7) // 8)
                                                           for _ in range(HEIGHT)))
    for kind, bands in ((2, 3), (6, 4), (4, 2)):  # of colour and alpha in 16 bits Pillow takes the high byte
        files["wide%d.png" % kind] = png(16, kind, b"".join(b"\0" + random.bytes(WIDTH * bands * 2)
                                                            for _ in range(HEIGHT)))
    pixels, rows = waves(WIDTH, HEIGHT, 3), b""
    for x, y, across, down in (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), \
            (0, 1, 1, 2):
        rows += b"".join(b"\0" + row.tobytes() for row in pixels[y::down, x::across])
    files["interlaced.png"] = png(8, 2, rows, interlace=1)
    compare(files)


def grey_of_16_bits_is_scaled_to_8():
    values = random.randint(0, 65536, (HEIGHT, WIDTH)).astype(np.uint16)
    image, scaled = Image.fromarray(values), Image.fromarray((values >> 8).astype(np.uint8))
    compare({"wide.png": image, "wide.tif": image}, read=lambda path: scaled.convert("RGB"))
    rounded = Image.fromarray(np.rint(values / 65535 * 255).astype(np.uint8))
    header = b"P5\n%d %d\n65535\n" % (WIDTH, HEIGHT)
    compare({"wide.pgm": header + values.astype(">u2").tobytes()}, read=lambda path: rounded.convert("RGB"))


def big_tiff(order, mark, rgb):
    """An uncompressed BigTIFF, whose offsets have 64 bits."""
    def tag(number, kind, count, value, code):
        return struct.pack(order + "HHQ", number, kind, count) + struct.pack(order + code, value).ljust(8, b"\0")
    pixels = rgb.tobytes()
    tags = [(256, 4, 1, WIDTH, "I"), (257, 4, 1, HEIGHT, "I"), (259, 3, 1, 1, "H"), (262, 3, 1, 2, "H"),
            (273, 16, 1, 16 + 8 + 20 * 9 + 8, "Q"), (277, 3, 1, 3, "H"), (278, 4, 1, HEIGHT, "I"),
            (279, 16, 1, len(pixels), "Q")]
    bits = struct.pack(order + "HHQ3HH", 258, 3, 3, 8, 8, 8, 0)
    entries = [tag(*t) for t in tags]
    return (mark + struct.pack(order + "HHHQQ", 43, 8, 0, 16, 9) + b"".join(entries[:2] + [bits] + entries[2:]) +
            bytes(8) + pixels)


def tiffs_of_all_modes_and_compressions():
    files = {name + ".tif": (colour(), {"compression": name})
             for name in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")}
    files.update({
        "grey.tif": grey(), "palette.tif": colour().quantize(50), "bilevel.tif": grey().convert("1"),
        "fax.tif": (grey().convert("1"), {"compression": "group4"}),
        "cmyk.tif": Image.fromarray(waves(WIDTH, HEIGHT, 4), "CMYK"),
        "rgba.tif": Image.fromarray(waves(WIDTH, HEIGHT, 4), "RGBA"),
        "la.tif": Image.fromarray(waves(WIDTH, HEIGHT, 2), "LA"),
    })
    files.update({"turned%d.tif" % way: (colour(), {"tiffinfo": {0x112: way}}) for way in range(1, 10)})
    big = waves(WIDTH, HEIGHT, 3)
    files["big.tif"] = big_tiff("<", b"II", big)
    compare(files)
    compare({"big.tif": big_tiff(">", b"MM", big)}, read=lambda path: Image.fromarray(big))  # Pillow 9.4 does not read it


def webps_and_gifs():
    alpha = Image.fromarray(waves(WIDTH, HEIGHT, 4), "RGBA")
    compare({
        "lossy.webp": colour(), "alpha.webp": alpha, "lossless.webp": (alpha, {"lossless": True, "exact": True}),
        "palette.gif": colour().quantize(50), "grey.gif": grey(),
    })


def heic_and_avif_are_read_in_the_sandbox():
    """Small photographs of tests/golden/make_heif.py, within what their compression loses."""
    y, x = np.mgrid[0:17, 0:23]
    image = Image.fromarray(np.stack([10 * x, 14 * y, 200 - 5 * x - 4 * y], -1).astype(np.uint8))
    wanted = np.asarray(image.resize((224, 224), Image.BILINEAR)).astype(int)
    with scratch() as folder:
        os.makedirs(folder + "/images/a")
        for name in "photo.heic", "photo.avif":
            shutil.copy(os.path.join(IMAGES, name), folder + "/images/a")
        program("extract", "--threads", 2, "--layer", "input", folder + "/images", folder + "/cache")
        program("extract", "--export", folder + "/export", folder + "/cache")
        for found in np.load(folder + "/export/features.npy").reshape(2, 224, 224, 3):
            rgb = (found + [103.939, 116.779, 123.68])[..., ::-1]
            assert abs(rgb - wanted).max() <= 8, abs(rgb - wanted).max()


def gifs_that_do_not_fill_their_screen():
    """And transparent pixels: Pillow gives both the colour of the transparent index, or the palette's first."""
    palette = colour(40, 30).quantize(50)
    files = {}
    for name, options in ("plain", {}), ("transparent", {"transparency": 3}), ("interlaced", {"interlace": 1}):
        whole = bytearray(encoded(palette, format="GIF", **options))
        files[name + ".gif"] = bytes(whole)
        image = whole.index(b"\x2c\0\0\0\0\x28\0\x1e\0")
        whole[6:10], whole[image + 1:image + 5] = struct.pack("<HH", 64, 50), struct.pack("<HH", 9, 11)
        files[name + "_small.gif"] = bytes(whole)
    first, second = bytearray(files["plain_small.gif"]), colour(40, 30).quantize(8)
    files["animated.gif"] = (second, {"save_all": True, "append_images": [palette], "transparency": 2})
    table = 3 * 64  # the global palette as a local one, and none or one that is too short beside it
    image = first.index(b"\x2c\x09\0")
    local = bytes(first[image:image + 9]) + b"\x85" + bytes(first[13:13 + table]) + bytes(first[image + 10:])
    files["local.gif"] = bytes(first[:10]) + b"\0" + bytes(first[11:13]) + local
    files["control.gif"] = (bytes(first[:10]) + b"\x80" + bytes(first[11:19]) + b"!\xf9\4\1\0\0\5\0" + local)
    compare(files)


def a_webp_that_libvips_needs_as_a_whole():
    """More than the 100 MB above which libvips would write a temporary file, which decoders may not."""
    with scratch() as folder:
        os.makedirs(folder + "/images/a")
        band = Image.fromarray(waves(6000, 20, 3))
        image = Image.new("RGB", (6000, 5900))
        for top in range(0, 5900, 20):
            image.paste(band, (0, top))
        image.save(folder + "/images/a/large.webp", quality=1, method=0)
        program("extract", "--threads", 1, "--layer", "input", "--preset", "keras", folder + "/images", folder + "/cache")
        program("extract", "--export", folder + "/export", folder + "/cache")
        features = np.load(folder + "/export/features.npy").reshape(224, 224, 3) + [103.939, 116.779, 123.68]
        wanted = np.asarray(keras(Image.open(folder + "/images/a/large.webp").convert("RGB"), 224))
        assert (np.rint(features[..., ::-1]) == wanted).all()


def netpbms():
    def raw(kind, white, bands):
        values = random.randint(0, white + 1, WIDTH * HEIGHT * bands)
        return b"P%d\n# made up\n%d %d\n%d\n" % (kind, WIDTH, HEIGHT, white) + \
            values.astype(">u2" if white > 255 else "u1").tobytes()
    compare({
        "rgb.ppm": colour(), "grey.pgm": grey(), "bits.pbm": grey().convert("1"),
        "100.ppm": raw(6, 100, 3), "100.pgm": raw(5, 100, 1), "1000.ppm": raw(6, 1000, 3), "wide.ppm": raw(6, 65535, 3),
        "plain.ppm": b"P3 3 2 15\n" + b" ".join(b"%d" % (v % 16) for v in range(18)),
        "plain.pgm": b"P2\n3 2\n#\n200\n" + b"\n".join(b"%d" % (v * 33) for v in range(6)),
        "plain.pbm": b"P1\n3 2\n1 0 1\n011\n",
    })


def bmp(width, height, bits, compression, data, palette=b"", masks=b"", colours=0):
    offset = 54 + len(masks) + len(palette)
    return (b"BM" + struct.pack("<IHHI", offset + len(data), 0, 0, offset) +
            struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, len(data), 0, 0, colours, 0) +
            masks + palette + data)


def bmps_of_all_kinds():
    width, height = 37, 11
    palette = random.bytes(1024)

    def rows(bits):
        return random.bytes((width * bits + 31) // 32 * 4 * height)

    def masks(red, green, blue):
        return struct.pack("<III", red, green, blue)

    runs8 = b"".join(bytes([10, y, 0, 5]) + random.bytes(5) + bytes([0, 0, 4]) + random.bytes(4) +
                     bytes([width - 19, 7, 0, 0]) for y in range(height))
    runs4 = b"".join(bytes([10, 0x3a + y, 0, 8]) + random.bytes(4) + bytes([width - 18, 0x71, 0, 0])
                     for y in range(height))
    core = b"BM" + struct.pack("<IHHI", 0, 0, 0, 26) + struct.pack("<IHHHH", 12, width, height, 1, 24)
    compare({
        "rgb.bmp": colour(), "grey.bmp": grey(), "bits.bmp": grey().convert("1"), "palette.bmp": colour().quantize(50),
        "rgba.bmp": Image.fromarray(waves(WIDTH, HEIGHT, 4), "RGBA"),
        "16.bmp": bmp(width, height, 16, 0, rows(16)),
        "topdown.bmp": bmp(width, -height, 24, 0, rows(24)),
        "565.bmp": bmp(width, height, 16, 3, rows(16), masks=masks(0xf800, 0x7e0, 0x1f)),
        "32.bmp": bmp(width, height, 32, 0, rows(32)),
        "masked.bmp": bmp(width, height, 32, 3, rows(32), masks=masks(0xff000000, 0xff0000, 0xff00)),
        "4.bmp": bmp(width, height, 4, 0, rows(4), palette=palette[:64]),
        "few.bmp": bmp(width, height, 4, 0, bytes(b & 0x33 for b in rows(4)), palette=palette[:16], colours=4),
        "runs8.bmp": bmp(width, height, 8, 1, runs8 + b"\0\1", palette=palette),
        "runs4.bmp": bmp(width, height, 4, 2, runs4 + b"\0\1", palette=palette[:64]),
        "core.bmp": core + rows(24),
    })


def cropped(image, side, resample):
    """Keras's load_img(keep_aspect_ratio=True) for a square."""
    kept = min(image.size)
    left, top = ((n - kept) // 2 for n in image.size)
    return image.resize((side, side), resample, box=(left, top, left + kept, top + kept))


def padded(image, side, resample):
    """Keras's pad_to_aspect_ratio=True for a square."""
    left, top = ((max(image.size) - n) // 2 for n in image.size)
    canvas = Image.new("RGB", (image.size[0] + 2 * left, image.size[1] + 2 * top))
    canvas.paste(image, (left, top))
    return canvas.resize((side, side), resample)


def images_are_cropped_or_padded_as_keras_does():
    sizes = [(500, 375), (375, 500), (320, 240), (224, 224), (7, 5), (1, 9), (300, 1), (301, 203), (2000, 31)]
    with scratch() as folder:
        paths = ["%s/%dx%d.png" % (folder, *size) for size in sizes]
        images = [colour(*size) for size in sizes]
        for image, path in zip(images, paths):
            image.save(path)
        for preset, resample in ("keras", Image.NEAREST), ("vips", Image.BILINEAR):
            for fit, expected in ("crop", cropped), ("pad", padded):
                for image, path, found in zip(images, paths, decode(preset + "," + fit, 224, paths)):
                    assert (found == np.asarray(expected(image, 224, resample))).all(), (preset, fit, path)


def metadata_are_heeded_where_asked_for():
    """EXIF's orientation as ImageOps.exif_transpose does, profiles to sRGB as ImageCms does, within two levels."""
    files, wanted = {}, {}
    for way in range(1, 9):
        exif = Image.Exif()
        exif[274] = way
        for name in "turned%d.jpg" % way, "turned%d.png" % way, "turned%d.webp" % way:
            options = {"lossless": True} if name.endswith("webp") else {"quality": 95} if name.endswith("jpg") else {}
            kind = {"jpg": "JPEG"}.get(name[8:], name[8:])
            files[name] = encoded(colour(), format=kind, exif=exif.tobytes(), **options)
            wanted[name] = ImageOps.exif_transpose(Image.open(io.BytesIO(files[name]))).convert("RGB")
    srgb = ImageCms.createProfile("sRGB")
    for name, profile, image in (("wide.png", wide_gamut(), colour()), ("wide.jpg", wide_gamut(), colour()),
                                 ("srgb.png", ImageCms.ImageCmsProfile(srgb).tobytes(), colour()),
                                 ("broken.png", b"no profile" * 20, colour())):
        files[name] = encoded(image, format="PNG" if name.endswith("png") else "JPEG", icc_profile=profile)
        stored = Image.open(io.BytesIO(files[name])).convert("RGB")
        wanted[name] = stored if name == "broken.png" else ImageCms.profileToProfile(
            stored, io.BytesIO(profile), srgb, renderingIntent=1)
    with scratch() as folder:
        paths = [os.path.join(folder, name) for name in files]
        for path in paths:
            open(path, "wb").write(files[os.path.basename(path)])
        for (name, image), found in zip(wanted.items(), decode("vips,metadata", 64, paths)):
            off = abs(found.astype(int) - np.asarray(image.resize((64, 64), Image.BILINEAR)).astype(int))
            assert off.max() <= 2, (name, off.max())
        plain = [decode(how, 64, paths) for how in ("vips", "vips,metadata")]
        differing = {name for name, one, other in zip(files, *plain) if (one != other).any()}
        assert {"turned2.png", "turned8.webp", "turned6.jpg", "wide.png"} <= differing, differing
        assert "turned1.png" not in differing and "broken.png" not in differing


def wide_gamut():
    """A matrix profile with the primaries of Display P3."""
    def fixed(*values):
        return b"".join(struct.pack(">i", round(v * 65536)) for v in values)
    tags = [(b"desc", b"desc\0\0\0\0" + struct.pack(">I", 3) + b"P3\0" + bytes(11 + 67)),
            (b"wtpt", b"XYZ \0\0\0\0" + fixed(.9642, 1, .8249)), (b"rXYZ", b"XYZ \0\0\0\0" + fixed(.5151, .2412, -.0011)),
            (b"gXYZ", b"XYZ \0\0\0\0" + fixed(.2920, .6922, .0419)), (b"bXYZ", b"XYZ \0\0\0\0" + fixed(.1571, .0666, .7841)),
            (b"rTRC", b"curv\0\0\0\0" + struct.pack(">IHH", 1, 0x0233, 0))]
    tags += [(name, tags[5][1]) for name in (b"gTRC", b"bTRC")]
    table, data, at = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, content in tags:
        content += bytes(-len(content) % 4)
        table += name + struct.pack(">II", at + len(data), len(content))
        data += content
    size = at + len(data)
    header = (struct.pack(">I", size) + b"\0\0\0\0\2\x10\0\0mntrRGB XYZ " + bytes(12) + b"acsp" + bytes(28) +
              fixed(.9642, 1, .8249)).ljust(128, b"\0")
    return header + table + data


def the_fast_preset_stays_near_an_exact_bilinear_resize():
    """A JPEG reduced while it is read, then by libvips, against Pillow from full size: a few grey levels on average."""
    with scratch() as folder:
        path = os.path.join(folder, "large.jpg")
        smooth = Image.fromarray(waves(100, 75, 3)).resize((2400, 1800), Image.BICUBIC)
        smooth.save(path, quality=90)
        found = decode("vips", 224, [path])[0].astype(int)
        wanted = np.asarray(Image.open(path).resize((224, 224), Image.BILINEAR)).astype(int)
        assert abs(found - wanted).mean() < 2, abs(found - wanted).mean()


def what_cannot_be_read_is_named_with_its_reason():
    with scratch() as folder:
        files = {"text.jpg": b"hello", "empty.png": b"", "cut.jpg": encoded(colour(), format="JPEG")[:-5000]}
        for name, content in files.items():
            open(os.path.join(folder, name), "wb").write(content)
        paths = [os.path.join(folder, name) for name in files]
        done = program("tools/decode", "vips", 32, 10 ** 6, *paths, status=1)
        reasons = done.stderr.splitlines()
        for path, reason in zip(paths, ("not an image", "empty file", "damaged JPEG (Premature end")):
            assert any(line.startswith(path + ": " + reason) for line in reasons), done.stderr


run(jpegs_in_colour_and_grey, jpegs_in_cmyk_with_and_without_adobe_marker, jpegs_that_end_in_rubbish_or_store_rgb,
    jpegs_that_libjpeg_warns_of_without_loss, jpegs_that_libjpeg_warns_of_with_loss,
    images_of_all_shapes, pngs_of_all_modes, grey_of_16_bits_is_scaled_to_8, tiffs_of_all_modes_and_compressions,
    webps_and_gifs, heic_and_avif_are_read_in_the_sandbox, gifs_that_do_not_fill_their_screen, a_webp_that_libvips_needs_as_a_whole, netpbms, bmps_of_all_kinds,
    images_are_cropped_or_padded_as_keras_does, metadata_are_heeded_where_asked_for, the_fast_preset_stays_near_an_exact_bilinear_resize,
    what_cannot_be_read_is_named_with_its_reason)
