"""Malicious and malformed files of torch.save: (name, bytes, words of the refusal)."""

import struct

from torch_files import (
    DESCRIPTOR_FLAG, FLOAT, MAGIC, ORDERED_DICT, PROTO, SIX, STOP, SYSTEM, VERSION, Member, archive, counted, dictionary, global_, keys,
    members, number, pickle, reduce, saved, sizes, state_dict, storage, stream, streamed, tensor, text, tuple_, zip64_extra,
)

GOOD = state_dict(a=tensor())
GOOD_PKL = pickle(GOOD)
GOOD_STREAM = state_dict(a=streamed())
TWO_STORAGES = state_dict(a=streamed(), b=streamed("1"))
SYSTEM_CALL = reduce(global_("os", "system"), text("touch /tmp/ditmill_was_here"))


def with_member(**lies):
    """A good archive but for its storage's headers."""
    return archive([Member("archive/data.pkl", GOOD_PKL), Member("archive/data/0", bytes(24), **lies),
                    Member("archive/version", b"3\n")])


def named(name, folder="archive"):
    return archive(members(GOOD_PKL, SIX, more=[Member(name, b"x")], folder=folder))


def raw(content):
    """An archive whose data.pkl is these bytes."""
    return archive(members(content, SIX))


def value(content):
    """An archive of a dictionary that holds a value beside its tensor."""
    return saved(state_dict(a=tensor(), x=content))


def nested(depth):
    return b"}" + b"".join(text("k") + b"}" for _ in range(depth - 1)) + b"s" * (depth - 1)


def laughs(levels):
    """Dictionaries of ten times the one before, each."""
    out = b"}q\0"
    for level in range(1, levels + 1):
        items = b"".join(text(key) + b"h" + bytes([level - 1]) for key in "abcdefghij")
        out += b"0}q" + bytes([level]) + b"(" + items + b"u"
    return out


END_INSIDE = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 0, 0, 0, 0, 0)
UNTYPED = global_("torch.storage", "UntypedStorage")

ZIP = [
    ("end_record_missing", archive(members(GOOD_PKL, SIX))[:-22], "end record"),
    ("cut_in_the_middle", archive(members(GOOD_PKL, SIX))[:200], "may be cut off"),
    ("cut_by_one_byte", archive(members(GOOD_PKL, SIX))[:-1], "end record"),
    ("bytes_behind_the_end_record", archive(members(GOOD_PKL, SIX), tail=b"x"), "1 bytes behind it"),
    ("comment_cut_off", archive(members(GOOD_PKL, SIX), comment=b"abc", end={"comment": 9}), "a comment that is cut off"),
    ("end_record_inside_the_comment", archive(members(GOOD_PKL, SIX), comment=END_INSIDE), "inside the comment"),
    ("count_too_small", archive(members(GOOD_PKL, SIX), end={"here": 2, "all": 2}), "behind the last"),
    ("count_too_large", archive(members(GOOD_PKL, SIX), end={"here": 9, "all": 9}), "entries"),
    ("count_of_no_directory_could_hold", archive(members(GOOD_PKL, SIX), end={"here": 65535, "all": 65535}), "46 or more"),
    ("two_disks", archive(members(GOOD_PKL, SIX), end={"disk": 1}), "one of several"),
    ("entries_on_another_disk", archive(members(GOOD_PKL, SIX), end={"here": 1}), "one of several"),
    ("member_on_another_disk", with_member(central={"disk": 1}), "one of several"),
    ("directory_begins_elsewhere", archive(members(GOOD_PKL, SIX), end={"begin": 10}), "ends where the end records begin"),
    ("directory_shorter_than_it_is", archive(members(GOOD_PKL, SIX), end={"bytes": 60}), "ends where the end records begin"),
    ("directory_beyond_the_file", archive(members(GOOD_PKL, SIX), end={"bytes": 0xfffffff0}), "ends where the end records begin"),
    ("zip64_record_disagrees", archive(members(GOOD_PKL, SIX), zip64={"all": 3, "here": 3}), "zip64 end record says"),
    ("zip64_directory_wraps", archive(members(GOOD_PKL, SIX), zip64={"begin": 2**64 - 1, "bytes": 2**32},
                                      end={"begin": 2**32 - 1, "bytes": 2**32 - 1}), "ends where the end records begin"),
    ("zip64_record_elsewhere", archive(members(GOOD_PKL, SIX), zip64={}, locator=3), "right before its locator"),
    ("zip64_record_of_several_disks", archive(members(GOOD_PKL, SIX), zip64={"disks": 2}), "one of several"),
    ("zip64_record_missing", archive(members(GOOD_PKL, SIX), end={"begin": 2**32 - 1}), "ends where the end records begin"),
    ("zip64_sizes_missing", with_member(central={"size": 2**32 - 1, "packed": 2**32 - 1}), "a zip64 field"),
    ("zip64_sizes_short", with_member(central={"size": 2**32 - 1, "packed": 2**32 - 1}, extra=zip64_extra(24)), "one of 8 bytes"),
    ("zip64_sizes_twice", with_member(central={"size": 2**32 - 1, "packed": 2**32 - 1},
                                      extra=zip64_extra(24, 24) + zip64_extra(12, 12)), "got two"),
    ("zip64_size_of_2_64", with_member(central={"size": 2**32 - 1, "packed": 2**32 - 1}, extra=zip64_extra(2**64 - 1, 2**64 - 1)),
     "beyond"),
    ("extra_field_cut_off", with_member(extra=zip64_extra(24, 24, length=60)), "extra fields"),
    ("size_too_large", with_member(central={"size": 9999, "packed": 9999}), "that go beyond it"),
    ("size_too_small", with_member(central={"size": 20, "packed": 20}), "with the directory's size, 20"),
    ("two_sizes", with_member(central={"packed": 20}), "of one size"),
    ("local_size_differs", with_member(local={"size": 25}), "with the directory's size"),
    ("local_packed_size_differs", with_member(local={"packed": 23}), "with the directory's size"),
    ("local_name_differs", with_member(local={"name": b"archive/data/1"}), "another name"),
    ("local_name_longer", with_member(local={"name": b"archive/data/00"}), "another name"),
    ("local_method_differs", with_member(local={"method": 8}), "method 8"),
    ("local_flags_differ", with_member(local={"flags": DESCRIPTOR_FLAG}), "flags"),
    ("local_header_missing", with_member(central={"offset": 7}), "overlap"),
    ("offset_beyond_the_file", with_member(central={"offset": 2**31}), "no member"),
    ("compressed", with_member(central={"method": 8}, local={"method": 8}), "compressed by method 8"),
    ("encrypted", with_member(flags=1), "encrypted"),
    ("strongly_encrypted", with_member(flags=1 << 6), "encrypted"),
    ("masked_headers", with_member(flags=1 << 13), "encrypted"),
    ("members_overlap", archive([Member("archive/data.pkl", GOOD_PKL), Member("archive/version", b"3\n"),
                                 Member("archive/data/0", bytes(24)),
                                 Member("archive/data/1", bytes(24), central={"offset": 30})]), "overlap"),
    ("bytes_before_the_first_member", archive(
        [Member("archive/data.pkl", GOOD_PKL, before=b"PK\3\4hidden")] + members(GOOD_PKL, SIX)[1:]), "at the start of the file"),
    ("bytes_between_members", archive([Member("archive/data.pkl", GOOD_PKL, after=b"hidden!")] + members(GOOD_PKL, SIX)[1:]),
     "7 bytes that are no member's"),
    ("bytes_before_the_directory", archive(members(GOOD_PKL, SIX), gap=b"hidden"), "6 bytes that are no member's"),
    ("member_twice", archive(members(GOOD_PKL, SIX, more=[Member("archive/data/0", bytes(24))])), "it twice"),
    ("data_pkl_twice", archive(members(GOOD_PKL, SIX, more=[Member("archive/data.pkl", GOOD_PKL)])), "it twice"),
    ("data_pkl_in_two_folders", named("other/data.pkl"), "another folder"),
    ("data_pkl_also_below", named("archive/below/data.pkl"), "one below it"),
    ("data_pkl_only_below", archive([Member("archive/a/data.pkl", GOOD_PKL), Member("archive/version", b"3\n")]), "one below it"),
    ("no_data_pkl", archive([Member("archive/version", b"3\n")]), "none among 1 members"),
    ("member_outside_the_folder", named("readme"), "one beside it"),
    ("name_with_dots", named("archive/../evil"), "leaves its folder"),
    ("name_absolute", named("/etc/passwd"), "absolute"),
    ("name_with_backslash", named("archive\\evil"), "backslash"),
    ("name_with_nul", named(b"archive/a\0b"), "NUL"),
    ("name_with_single_dot", named("archive/./a"), "'.'"),
    ("name_with_empty_part", named("archive//a"), "empty part"),
    ("name_of_a_folder", named("archive/data/"), "empty part"),
    ("name_empty", named(""), "an empty name"),
    ("name_not_utf8", named(b"archive/\xff"), "not UTF-8"),
    ("version_absent", archive(members(GOOD_PKL, SIX, version=None)), "a member 'version'"),
    ("version_0", archive(members(GOOD_PKL, SIX, version=b"0\n")), "from 1 to 10"),
    ("version_11", archive(members(GOOD_PKL, SIX, version=b"11\n")), "from 1 to 10"),
    ("version_no_number", archive(members(GOOD_PKL, SIX, version=b"three")), "from 1 to 10"),
    ("byteorder_big", archive(members(GOOD_PKL, SIX, byteorder=b"big")), "'little'"),
    ("byteorder_unknown", archive(members(GOOD_PKL, SIX, byteorder=b"")), "'little'"),
    ("torchscript_constants", archive(members(GOOD_PKL, SIX, more=[Member("archive/constants.pkl", b"x")])), "TorchScript"),
    ("torchscript_code", archive(members(GOOD_PKL, SIX, more=[Member("archive/code/__torch__.py", b"x")])), "TorchScript"),
    ("storage_missing", archive(members(GOOD_PKL, {})), "a member data/0"),
    ("storage_too_short", archive(members(GOOD_PKL, {"0": bytes(23)})), "24 bytes for 6 elements"),
    ("storage_too_long", archive(members(GOOD_PKL, {"0": bytes(28)})), "24 bytes for 6 elements"),
    ("storage_of_two_sizes", saved(state_dict(a=tensor(), b=tensor(store=storage(elements=7)))), "28 bytes for 7 elements"),
    ("storage_key_that_climbs", saved(state_dict(a=tensor(store=storage("../version")))), "data/../version"),
]

GLOBALS = [
    ("os_system", saved(SYSTEM_CALL), "'os.system'"),
    ("os_system_by_stack", saved(state_dict(x=b"\x8c\x02os\x8c\x06system\x93" + tuple_(text("id")) + b"R"), proto=b"\x80\x04"), "'os.system'"),
    ("posix_system", value(reduce(global_("posix", "system"), text("id"))), "'posix.system'"),
    ("builtins_eval", value(reduce(global_("builtins", "eval"), text("1"))), "'builtins.eval'"),
    ("builtin_getattr", value(reduce(global_("__builtin__", "getattr"), text("a"), text("b"))), "'__builtin__.getattr'"),
    ("torch_hub_load", value(reduce(global_("torch.hub", "load"), text("a"))), "'torch.hub.load'"),
    ("torch_load", value(reduce(global_("torch", "load"), text("a"))), "'torch.load'"),
    ("attribute_of_an_allowed_global", value(b"\x8c\x0bcollections\x8c\x16OrderedDict.__reduce__\x93"), "'collections.OrderedDict.__reduce__'"),
    ("global_never_called", value(global_("subprocess", "Popen")), "'subprocess.Popen'"),
    ("numpy_array", value(global_("numpy.core.multiarray", "_reconstruct")), "'numpy.core.multiarray._reconstruct'"),
    ("module_object", value(global_("torch.nn.modules.linear", "Linear")), "'torch.nn.modules.linear.Linear'"),
    ("sparse_tensor", value(global_("torch._utils", "_rebuild_sparse_tensor")), "_rebuild_sparse_tensor"),
    ("quantized_tensor", value(global_("torch._utils", "_rebuild_qtensor")), "_rebuild_qtensor"),
    ("quantized_storage", value(global_("torch", "QInt8Storage")), "'torch.QInt8Storage'"),
    ("complex128_storage", value(global_("torch", "ComplexDoubleStorage")), "'torch.ComplexDoubleStorage'"),
    ("meta_tensor", value(global_("torch._utils", "_rebuild_meta_tensor_no_storage")), "_rebuild_meta_tensor_no_storage"),
    ("float4_packed", value(global_("torch", "float4_e2m1fn_x2")), "'torch.float4_e2m1fn_x2'"),
    ("global_of_terminal_codes", value(global_("\x1b[2J", "x" * 1000)), "\\x1b[2J"),
    ("module_not_a_string", value(b"K\1K\1\x93"), "as strings"),
    ("call_of_a_dtype", value(reduce(global_("torch", "float32"))), "a function of the list"),
    ("call_of_a_string", value(reduce(text("os.system"), text("id"))), "REDUCE of a global"),
    ("call_with_a_list", value(global_("collections", "OrderedDict") + b"]R"), "as a tuple"),
    ("ordered_dict_of_a_number", value(reduce(global_("collections", "OrderedDict"), number(1))), "a list of pairs"),
    ("ordered_dict_of_no_pairs", value(reduce(global_("collections", "OrderedDict"), b"](" + number(1) + b"e")), "pairs of keys"),
    ("newobj_of_a_dtype", value(global_("torch", "float32") + b")\x81"), "NEWOBJ of an OrderedDict"),
    ("build_on_a_list", value(b"]}b"), "BUILD on a tensor or a dictionary"),
    ("build_on_a_global", value(FLOAT + b"}b"), "BUILD on a tensor or a dictionary"),
    ("build_that_sets_a_tensor", value(tensor() + tuple_(storage(), number(0), sizes([6]), sizes([1])) + b"b"), "leaves values alone"),
    ("build_of_a_number", value(b"}K\1b"), "leaves values alone"),
    ("inst", value(b"(ios\nsystem\n"), "INST"),
    ("obj", value(b"(" + FLOAT + b"o"), "OBJ"),
    ("newobj_ex", value(FLOAT + b")}\x92"), "NEWOBJ_EX"),
    ("ext1", value(b"\x82\x01"), "EXT1"),
    ("ext2", value(b"\x83\x01\x00"), "EXT2"),
    ("ext4", value(b"\x84\x01\x00\x00\x00"), "EXT4"),
    ("persid_of_text", value(b"Pstorage\n"), "PERSID"),
    ("next_buffer", value(b"\x97"), "NEXT_BUFFER"),
]

PERSISTENT = [
    ("id_a_string", value(text("storage") + b"Q"), "as a tuple"),
    ("id_empty", value(b")Q"), "an empty tuple"),
    ("id_of_a_module", value(tuple_(text("module"), FLOAT, text("0"), text("cpu"), number(6)) + b"Q"), "'module'"),
    ("id_of_four_values", value(tuple_(text("storage"), FLOAT, text("0"), text("cpu")) + b"Q"), "5 values"),
    ("id_of_six_values", value(tuple_(text("storage"), FLOAT, text("0"), text("cpu"), number(6), b"N") + b"Q"), "5 values"),
    ("id_with_a_dtype", value(storage(kind=global_("torch", "float32"))), "a storage's type"),
    ("id_with_a_name_of_a_type", value(storage(kind=text("FloatStorage"))), "a storage's type"),
    ("id_with_a_number_as_key", value(tuple_(text("storage"), FLOAT, number(0), text("cpu"), number(6)) + b"Q"), "key as a string"),
    ("id_with_an_empty_key", value(storage("")), "1 to 255 bytes"),
    ("id_with_a_long_key", value(storage("0" * 256)), "1 to 255 bytes"),
    ("id_of_negative_size", value(storage(elements=-1)), "the size of a storage"),
    ("id_of_size_2_62", value(storage(elements=2**62)), "under 2^64"),
    ("id_of_size_2_70", value(storage(elements=2**70)), "a larger one"),
    ("id_of_a_boolean_size", value(storage(elements=b"\x88")), "a boolean"),
]

TENSORS = [
    ("offset_negative", saved(state_dict(a=tensor(offset=-1))), "a tensor's offset"),
    ("offset_beyond", saved(state_dict(a=tensor(offset=1))), "within the 24 bytes"),
    ("offset_of_2_62", saved(state_dict(a=tensor(offset=2**62))), "under 2^64"),
    ("stride_negative", saved(state_dict(a=tensor(strides=[-3, 1]))), "a stride"),
    ("stride_beyond", saved(state_dict(a=tensor(strides=[4, 1]))), "within the 24 bytes"),
    ("stride_of_2_63", saved(state_dict(a=tensor(strides=[2**63, 1]))), "a larger one"),
    ("strides_that_wrap", saved(state_dict(a=tensor((3, 3), strides=[2**63 - 1, 2**63 - 1]))), "under 2^64"),
    ("size_negative", saved(state_dict(a=tensor((-2, 3)))), "a dimension"),
    ("size_beyond", saved(state_dict(a=tensor((7,)))), "within the 24 bytes"),
    ("size_that_wraps", saved(state_dict(a=tensor((2**40, 2**40), strides=[0, 0]))), "under 2^64"),
    ("size_that_wraps_behind_a_zero", saved(state_dict(a=tensor((0, 2**40, 2**40), strides=[0, 0, 0]))), "under 2^64"),
    ("size_of_text", saved(state_dict(a=reduce(global_("torch._utils", "_rebuild_tensor_v2"), storage(), number(0),
                                               tuple_(text("2")), sizes([1]), b"\x89", ORDERED_DICT))), "a dimension"),
    ("size_a_list", saved(state_dict(a=reduce(global_("torch._utils", "_rebuild_tensor_v2"), storage(), number(0), b"]",
                                              sizes([1]), b"\x89", ORDERED_DICT))), "as a tuple"),
    ("fewer_strides", saved(state_dict(a=tensor((2, 3), strides=[1]))), "a stride for each"),
    ("more_strides", saved(state_dict(a=tensor((6,), strides=[1, 1]))), "a stride for each"),
    ("storage_a_string", saved(state_dict(a=tensor(store=text("0")))), "a tensor of a storage"),
    ("too_few_arguments", saved(state_dict(a=reduce(global_("torch._utils", "_rebuild_tensor_v2"), storage()))), "6 or 7 arguments"),
    ("too_many_arguments", saved(state_dict(a=tensor(extra=(b"}", b"}")))), "6 or 7 arguments"),
    ("dtype_missing", saved(state_dict(a=tensor((6,), function="_rebuild_tensor_v3"))), "7 or 8 arguments"),
    ("dtype_a_storage_type", saved(state_dict(a=tensor((6,), function="_rebuild_tensor_v3", extra=(FLOAT,)))), "a tensor's dtype"),
    ("wider_dtype_than_its_storage", saved(state_dict(a=tensor(
        (4,), store=storage(elements=24, kind=UNTYPED), function="_rebuild_tensor_v3", extra=(global_("torch", "float64"),)))),
     "within the 24 bytes"),
    ("requires_grad_a_number", saved(state_dict(a=reduce(global_("torch._utils", "_rebuild_tensor_v2"), storage(), number(0),
                                                         sizes([6]), sizes([1]), number(1), ORDERED_DICT))), "requires_grad"),
    ("hooks_a_list", saved(state_dict(a=reduce(global_("torch._utils", "_rebuild_tensor_v2"), storage(), number(0), sizes([6]),
                                               sizes([1]), b"\x89", b"]"))), "hooks"),
    ("conjugated", saved(state_dict(a=tensor(extra=(dictionary([(text("conj"), b"\x88")]),)))), "marked 'conj'"),
    ("negated", saved(state_dict(a=tensor(extra=(dictionary([(text("neg"), b"\x88")]),)))), "marked 'neg'"),
    ("parameter_of_a_number", saved(state_dict(a=reduce(global_("torch._utils", "_rebuild_parameter"), number(1), b"\x89", ORDERED_DICT))),
     "a parameter of a tensor"),
    ("view_of_a_tensor_in_a_list", value(b"](" + tensor(offset=9) + b"e"), "within the 24 bytes"),
]

STACK = [
    ("no_proto", raw(b"}."), "PROTO as the first opcode"),
    ("proto_twice", raw(PROTO + PROTO + b"}."), "PROTO as the first opcode"),
    ("protocol_6", raw(b"\x80\x06}."), "protocol 6"),
    ("protocol_1", raw(b"\x80\x01}."), "protocol 1"),
    ("empty_pickle", raw(b""), "STOP at the end"),
    ("no_stop", raw(PROTO + b"}"), "STOP at the end"),
    ("two_values_at_stop", raw(pickle(b"}}")), "one value on the stack"),
    ("no_value_at_stop", raw(pickle(b"")), "one value on the stack"),
    ("mark_at_stop", raw(pickle(b"}(")), "1 marks"),
    ("bytes_behind_stop", raw(GOOD_PKL + b"x"), "behind STOP"),
    ("second_pickle_behind_stop", raw(GOOD_PKL + pickle(SYSTEM_CALL)), "behind STOP"),
    ("unknown_opcode", value(b"\xff"), "byte 0xff"),
    ("opcode_of_protocol_0", value(b"I1\n"), "INT"),
    ("count_beyond_the_pickle", raw(PROTO + b"X\xff\xff\xff\x7f"), "goes beyond"),
    ("count_8_beyond_the_pickle", raw(PROTO + b"\x8d" + b"\xff" * 8), "goes beyond"),
    ("long4_beyond_the_pickle", raw(PROTO + b"\x8b\xff\xff\xff\xff."), "goes beyond"),
    ("global_without_line_feed", raw(PROTO + b"cos"), "goes beyond"),
    ("frame_beyond_the_pickle", raw(b"\x80\x04\x95\xff\xff\xff\xff\0\0\0\0}."), "a frame within"),
    ("stack_empty", raw(pickle(b"\x85")), "1 values on the stack"),
    ("stack_below_the_mark", raw(pickle(b"}(\x85")), "1 values on the stack"),
    ("pop_of_nothing", raw(pickle(b"0")), "1 values on the stack"),
    ("no_mark", raw(pickle(b"t")), "a mark on the stack"),
    ("append_to_a_dictionary", value(b"}K\1a"), "a list to append to"),
    ("setitem_of_a_list", value(b"]K\1K\1s"), "a dictionary to set items"),
    ("key_without_value", value(b"}(K\1u"), "a value for each key"),
    ("dict_of_odd_count", value(b"(K\1d"), "a value for each key"),
    ("additems_to_a_list", value(b"](K\1\x90"), "a set to add to"),
    ("memo_entry_never_put", value(b"h\x09"), "put before"),
    ("memo_entry_put_later", value(b"h\x09K\1q\x09\x86"), "put before"),
    ("memo_index_of_2_32", value(b"K\1r\xff\xff\xff\xff"), "opcodes read"),
    ("memo_by_both_ways", raw(pickle(b"}q\0\x940h\0", proto=b"\x80\x04")), "only MEMOIZE"),
]

CONTENT = [
    ("root_a_list", saved(b"]"), "a dictionary of tensors"),
    ("root_a_tensor", saved(tensor()), "a dictionary of tensors"),
    ("root_a_number", saved(number(3)), "a dictionary of tensors"),
    ("name_twice", saved(dictionary([(text("a"), tensor()), (text("a"), tensor())])), "'a' twice"),
    ("name_twice_by_value", saved(dictionary([(text("a"), tensor()), (text("a"), number(3))])), "'a' twice"),
    ("number_twice", saved(dictionary([(number(5), tensor()), (b"J\5\0\0\0", tensor())])), "'5' twice"),
    ("number_and_its_text", saved(dictionary([(number(5), tensor()), (text("5"), tensor())])), "'5' twice"),
    ("path_twice", saved(state_dict(**{"a.b": tensor(), "a": state_dict(b=tensor())})), "'a.b' twice"),
    ("name_empty", saved(dictionary([(text(""), tensor())])), "an empty one"),
    ("name_empty_below", saved(state_dict(a=dictionary([(text(""), tensor())]))), "an empty one"),
    ("name_with_nul", saved(dictionary([(text("a\0"), tensor())])), "control characters"),
    ("name_with_escape", saved(dictionary([(text("\x1b[2J"), tensor())])), "control characters"),
    ("name_with_c1_control", saved(dictionary([(text("a\x9b"), tensor())])), "control characters"),
    ("name_not_utf8", saved(dictionary([(text(b"\xff\xfe"), tensor())])), "not UTF-8"),
    ("name_a_surrogate", saved(dictionary([(text("\ud800"), tensor())])), "not UTF-8"),
    ("name_none", saved(dictionary([(b"N", tensor())])), "None as a key"),
    ("name_a_tuple", saved(dictionary([(sizes([1, 2]), tensor())])), "a tuple of 2 as a key"),
    ("name_of_a_dictionary_a_float", saved(dictionary([(b"G" + bytes(8), state_dict(a=tensor()))])), "keys that are strings"),
    ("name_of_70_bits", saved(dictionary([(number(2**70), tensor())])), "more than 64 bits"),
    ("dictionaries_201_deep", saved(nested(201)), "nested to 200"),
    ("lists_201_deep", value(b"]" * 201 + b"a" * 200), "nested to 200"),
    ("tuples_100000_deep", value(b")" + b"\x85" * 100_000), "nested to 200"),
    ("dictionary_in_itself", saved(b"}q\0" + text("a") + b"h\0s"), "nested to 200"),
    ("list_in_itself", value(b"]q\x05" + b"h\x05a" * 300), "nested to 200"),
    ("billion_laughs", saved(laughs(12)), "items in all dictionaries"),
]

# Bytes that would cost much memory; a refusal has to fit the bound, too.
BOMBS = [
    ("marks", raw(PROTO + b"(" * 3_000_000), "STOP at the end"),
    ("empty_lists", raw(PROTO + b"}" + text("x") + b"](" + b"]" * 3_000_000 + b"es."), "8 times"),
    ("values_on_the_stack", raw(PROTO + b"N" * 3_000_000 + b"."), "8 times"),
    ("copies_on_the_stack", raw(PROTO + b"N" + b"2" * 3_000_000 + b"."), "8 times"),
    ("two_million_numbers", saved(state_dict(x=b"]" + (b"(" + b"K\1" * 1000 + b"e") * 2000)), "1000000 elements"),
    ("two_million_wide_numbers", saved(state_dict(x=b"(" + b"J\0\0\0\1" * 2_000_000 + b"t")), "1000000 elements"),
    ("memo_of_everything", raw(PROTO + b"".join(b"Nr" + struct.pack("<I", i) for i in range(500_000))
                               + b"".join(b"j" + struct.pack("<I", i) for i in range(500_000)) + b"."), "one value on the stack"),
    ("one_tensor_under_many_names", saved(tensor() + b"q\x050}(" + b"".join(
        b"\x8c\x03" + f"{i:03x}".encode() + b"h\x05" for i in range(4096)) + b"u", proto=b"\x80\x04"), "8 times"),
    ("one_long_name_on_every_path", saved(b"}(" + b"".join(
        number(i) + b"}(" + (text("n" * 100_000) if i == 0 else b"h\x07") + (b"q\x07" if i == 0 else b"")
        + (tensor() + b"q\x09" if i == 0 else b"h\x09") + b"u" for i in range(2000)) + b"u"), "8 times"),
    ("one_long_key_at_every_item", saved(b"}q\0(" + text("n" * 1_000_000) + b"q\1N" + b"u0}q\2(" + b"".join(
        text(str(i)) + b"h\0" for i in range(3000)) + b"u"), "bytes of keys on all paths"),
    ("one_long_shape_of_many_tensors", saved(
        b"(" + b"J\1\0\0\0" * 400_000 + b"tq\1" + b"0" + global_("torch._utils", "_rebuild_tensor_v2") + b"q\2" + b"0" + storage() + b"q\3" + b"0]"
        + b"(h\2(h\3K\0h\1h\1\x89NtR" * 9 + b"e"), "1000000 elements"),
    ("storages_of_the_same_bytes", saved(b"](" + b"".join(storage() if i % 2 else storage("1") for i in range(3000)) + b"e", {**SIX, "1": bytes(24)}), "a dictionary"),
    ("directory_of_ten_thousand", archive([Member(f"a/{i}") for i in range(10_000)]), "none among 10000 members"),
    ("stream_that_never_stops", MAGIC + VERSION + SYSTEM + PROTO + b"N" * 2_000_000, "8 times"),
]

STREAM = [
    ("only_the_magic_number", MAGIC, "the protocol version"),
    ("only_a_protocol_byte", b"\x80\x02", "STOP at the end"),
    ("magic_cut_off", MAGIC[:7], "goes beyond"),
    ("other_magic", stream(GOOD_STREAM, magic=pickle(number(2**79 - 5))), "the magic number"),
    ("a_plain_pickle", pickle(state_dict(a=number(1))), "a pickle of something else"),
    ("a_plain_pickle_that_calls", pickle(SYSTEM_CALL), "'os.system'"),
    ("call_in_the_magic_number", pickle(SYSTEM_CALL) + VERSION + SYSTEM, "'os.system'"),
    ("call_in_the_protocol", stream(GOOD_STREAM, version=pickle(SYSTEM_CALL)), "'os.system'"),
    ("call_in_the_system", stream(GOOD_STREAM, system=pickle(SYSTEM_CALL)), "'os.system'"),
    ("call_in_the_object", stream(SYSTEM_CALL), "'os.system'"),
    ("call_in_the_keys", stream(GOOD_STREAM, listed=pickle(SYSTEM_CALL)), "'os.system'"),
    ("protocol_1000", stream(GOOD_STREAM, version=pickle(b"M\xe8\x03")), "protocol 1001"),
    ("no_system", stream(GOOD_STREAM, system=b""), "no persistent ids"),
    ("system_a_number", stream(GOOD_STREAM, system=pickle(number(1))), "properties as a dictionary"),
    ("system_without_byte_order", stream(GOOD_STREAM, system=pickle(b"}")), "no 'little_endian'"),
    ("system_big_endian", stream(GOOD_STREAM, system=pickle(dictionary([(text("little_endian"), b"\x89")]))), "big-endian"),
    ("object_cut_off", stream(GOOD_STREAM)[:200], "goes beyond"),
    ("id_of_five_values", stream(state_dict(a=tensor())), "6 values"),
    ("no_keys", stream(GOOD_STREAM, listed=b"", data=b""), "the list of storage keys"),
    ("keys_empty", stream(GOOD_STREAM, listed=keys()), "the 1 storages used"),
    ("keys_too_many", stream(GOOD_STREAM, listed=keys("0", "1")), "the 1 storages used"),
    ("keys_of_another_storage", stream(GOOD_STREAM, listed=keys("1")), "that are used"),
    ("key_twice", stream(TWO_STORAGES, listed=keys("0", "0"), data=counted(bytes(24), 6) * 2), "twice"),
    ("key_a_number", stream(GOOD_STREAM, listed=pickle(b"](" + number(0) + b"e")), "key as a string"),
    ("keys_a_tuple", stream(GOOD_STREAM, listed=pickle(tuple_(text("0")))), "as a list"),
    ("count_differs", stream(GOOD_STREAM, data=counted(bytes(24), 5)), "a count of 6 elements"),
    ("count_negative", stream(GOOD_STREAM, data=counted(bytes(24), -1)), "a count of 6 elements"),
    ("storage_cut_off", stream(GOOD_STREAM)[:-1], "to the end of the file"),
    ("count_cut_off", stream(GOOD_STREAM, data=b"\6\0"), "to the end of the file"),
    ("bytes_behind_the_last_storage", stream(GOOD_STREAM) + b"x", "1 bytes"),
    ("storage_of_two_sizes", stream(state_dict(a=streamed(), b=streamed(elements=7))), "one size of storage"),
    ("storage_of_2_60_elements", stream(state_dict(a=streamed(elements=2**60))), "to the end of the file"),
    ("view_beyond_its_storage", stream(state_dict(a=streamed(view=(tuple_(text("v"), number(4), number(3)),)))), "a view within"),
    ("view_of_two_values", stream(state_dict(a=streamed(view=(tuple_(text("v"), number(4)),)))), "a tuple of 3"),
    ("tensor_beyond_its_view", stream(state_dict(a=streamed(view=(tuple_(text("v"), number(1), number(5)),)))), "within the 20 bytes"),
]

OTHERS = [
    ("empty_file", b"", "an empty file"),
    ("one_byte", b"P", "a zip archive"),
    ("git_lfs_pointer", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "git-lfs pointer"),
    ("html_page", b"<!DOCTYPE html><html><head><title>401</title></head></html>", "HTML page"),
    ("gguf", b"GGUF\3\0\0\0" + bytes(40), "GGUF"),
    ("onnx", b"\x08\x03\x12\x07pytorch" + bytes(40), "ONNX"),
    ("hdf5", b"\x89HDF\r\n\x1a\n" + bytes(40), "HDF5"),
    ("safetensors", struct.pack("<Q", 2) + b"{}", "safetensors"),
    ("tar_of_old_torch", b"sys_info" + bytes(249) + b"ustar" + bytes(250), "tar archive"),
    ("gzip", b"\x1f\x8b\x08" + bytes(40), "gzip"),
    ("zip_without_members", archive([]), "empty zip archive"),
    ("protocol_0_pickle", b"(dp0\n.", "a zip archive"),
]

GROUPS = {
    "Zip archives": ZIP, "Globals and calls": GLOBALS, "Persistent ids": PERSISTENT, "Tensors": TENSORS,
    "Stack, memo, opcodes": STACK, "Content": CONTENT, "Memory": BOMBS, "Legacy streams": STREAM, "Other files": OTHERS,
}
