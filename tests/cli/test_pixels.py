"""With the presets keras and torchvision, every kind of file gives exactly Pillow's pixels."""
import io, os, struct, subprocess, sys, warnings, zlib

import numpy as np
from PIL import Image

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from tap import BUILD, program, run, scratch

WIDTH, HEIGHT = 301, 203
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
    compare(files)


def webps_and_gifs():
    alpha = Image.fromarray(waves(WIDTH, HEIGHT, 4), "RGBA")
    compare({
        "lossy.webp": colour(), "alpha.webp": alpha, "lossless.webp": (alpha, {"lossless": True, "exact": True}),
        "palette.gif": colour().quantize(50), "grey.gif": grey(),
    })


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
    images_of_all_shapes, pngs_of_all_modes, grey_of_16_bits_is_scaled_to_8, tiffs_of_all_modes_and_compressions,
    webps_and_gifs, netpbms, bmps_of_all_kinds, the_fast_preset_stays_near_an_exact_bilinear_resize,
    what_cannot_be_read_is_named_with_its_reason)
