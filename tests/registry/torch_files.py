"""Builds files of torch.save by hand, so that every byte of them can lie."""

import struct

# --- pickles

PROTO = b"\x80\x02"
STOP = b"."


def text(value):
    data = value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(data)) + data


def number(value):
    if 0 <= value < 256:
        return b"K" + bytes([value])
    if -(2**31) <= value < 2**31:
        return b"J" + struct.pack("<i", value)
    data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(data)]) + data


def global_(module, name):
    return b"c" + module.encode() + b"\n" + name.encode() + b"\n"


def tuple_(*items):
    return b"(" + b"".join(items) + b"t"


def dictionary(items):
    return b"}(" + b"".join(key + value for key, value in items) + b"u"


def reduce(function, *arguments):
    return function + tuple_(*arguments) + b"R"


def pickle(content, proto=PROTO):
    return proto + content + STOP


ORDERED_DICT = reduce(global_("collections", "OrderedDict"))
FLOAT = global_("torch", "FloatStorage")


def storage(key="0", elements=6, kind=FLOAT, tail=()):
    """A persistent id and its opcode; `tail`: what streams have in addition."""
    return tuple_(text("storage"), kind, text(key), text("cpu"),
                  number(elements) if isinstance(elements, int) else elements, *tail) + b"Q"


def sizes(values):
    return tuple_(*(number(value) for value in values))


def tensor(shape=(2, 3), strides=None, offset=0, store=None, function="_rebuild_tensor_v2", extra=()):
    if strides is None:
        strides, product = [], 1
        for size in reversed(shape):
            strides.insert(0, product)
            product *= max(size, 1)
    return reduce(global_("torch._utils", function), store or storage(), number(offset), sizes(shape), sizes(strides),
                  b"\x89", ORDERED_DICT, *extra)


def state_dict(**tensors):
    return dictionary([(text(name), value) for name, value in tensors.items()])


# --- zip archives

DESCRIPTOR_FLAG = 8

class Member:
    """A member, and what its two headers say of it where that is not the truth."""

    def __init__(self, name, data=b"", *, local=None, central=None, flags=0, extra=b"", local_extra=b"", before=b"",
                 after=b""):
        self.name = name if isinstance(name, bytes) else name.encode()
        self.data = data
        self.flags = flags
        self.extra = extra
        self.local_extra = local_extra
        self.local = local or {}
        self.central = central or {}
        self.before = before
        self.after = after


def zip64_extra(*values, length=None):
    data = b"".join(struct.pack("<Q", value) for value in values)
    return struct.pack("<HH", 1, len(data) if length is None else length) + data


def archive(members, *, comment=b"", begin=0, end=None, tail=b"", zip64=None, gap=b"", locator=None):
    """A zip archive. `end`: fields of the end record that lie; `zip64`: those of a zip64 end record."""
    out = b""
    directory = b""
    for member in members:
        out += member.before
        truth = {"flags": member.flags, "method": 0, "size": len(member.data), "packed": len(member.data),
                 "name": member.name, "offset": len(out) + begin, "disk": 0}
        said = {**truth, **member.local}
        out += struct.pack("<4sHHHHHIIIHH", b"PK\3\4", 20, said["flags"], said["method"], 0, 0, 0, said["packed"],
                           said["size"], len(said["name"]), len(member.local_extra))
        out += said["name"] + member.local_extra + member.data + member.after
        said = {**truth, **member.central}
        directory += struct.pack("<4sHHHHHHIIIHHHHHII", b"PK\1\2", 20, 20, said["flags"], said["method"], 0, 0, 0,
                                 said["packed"], said["size"], len(said["name"]), len(member.extra), 0, said["disk"], 0, 0,
                                 said["offset"])
        directory += said["name"] + member.extra
    out += gap
    fields = {"disk": 0, "directory_disk": 0, "here": len(members), "all": len(members), "bytes": len(directory),
              "begin": len(out) + begin, "comment": len(comment)}
    out += directory
    if zip64 is not None:
        wide = {**fields, "record": 44, **zip64}
        record_at = len(out)
        out += struct.pack("<4sQHHIIQQQQ", b"PK\6\6", wide["record"], 45, 45, wide["disk"], wide["directory_disk"], wide["here"],
                           wide["all"], wide["bytes"], wide["begin"])
        out += struct.pack("<4sIQI", b"PK\6\7", 0, record_at if locator is None else locator, wide.get("disks", 1))
    said = {**fields, **(end or {})}
    out += struct.pack("<4sHHHHIIH", b"PK\5\6", said["disk"], said["directory_disk"], said["here"], said["all"], said["bytes"],
                       said["begin"], said["comment"])
    return out + comment + tail


def members(data_pkl, storages=None, folder="archive", version=b"3\n", byteorder=b"little", more=()):
    """The members of an archive of torch.save."""
    listed = [Member(f"{folder}/data.pkl", data_pkl)]
    if byteorder is not None:
        listed.append(Member(f"{folder}/byteorder", byteorder))
    for key, data in (storages or {}).items():
        listed.append(Member(f"{folder}/data/{key}", data))
    if version is not None:
        listed.append(Member(f"{folder}/version", version))
    return listed + list(more)


SIX = {"0": bytes(24)}


def saved(content, storages=None, proto=PROTO, **more):
    """An archive of torch.save of a pickle's content."""
    return archive(members(pickle(content, proto), SIX if storages is None else storages, **more))


# --- legacy streams

MAGIC = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
VERSION = pickle(b"M\xe9\x03")
SYSTEM = pickle(dictionary([(text("protocol_version"), b"M\xe9\x03"), (text("little_endian"), b"\x88")]))
NO_VIEW = (b"N",)


def keys(*names):
    return pickle(b"](" + b"".join(text(name) for name in names) + b"e")


def counted(data, elements):
    return struct.pack("<q", elements) + data


def stream(content, listed=keys("0"), data=counted(bytes(24), 6), magic=MAGIC, version=VERSION, system=SYSTEM):
    return magic + version + system + pickle(content) + listed + data


def streamed(key="0", elements=6, view=NO_VIEW, **more):
    """A tensor of a stream."""
    return tensor(store=storage(key, elements, tail=view), **more)
