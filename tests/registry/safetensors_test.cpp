#include "registry/formats/safetensors.h"

#include <gmock/gmock.h>

#include <cstring>
#include <span>

#include "configs/error.h"
#include "tests/registry/safetensors_text.h"

namespace ditmill::registry {
namespace {

using testing::HasSubstr;
using tests::safetensors_file;
using tests::safetensors_frame;

SafetensorsHeader read(const std::string& bytes) {
  return read_safetensors_header(*memory_source("weights.safetensors", std::as_bytes(std::span{bytes})));
}

/// An entry of one tensor: U8, so that its bytes are its elements.
std::string u8(const std::string& name, const std::string& shape, const std::string& offsets) {
  return "\"" + name + "\":{\"dtype\":\"U8\",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}";
}

std::string with(const std::string& field) {
  return "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]," + field + "}}";
}

std::string nested(int depth) { return std::string(depth, '[') + std::string(depth, ']'); }

// --- What is refused: `^` in the JSON marks the byte that the message names. ---

struct Malformed {
  const char* name;
  std::string json;
  std::size_t data;
  const char* words;
  const char* tensor = "";
};

void PrintTo(const Malformed& malformed, std::ostream* out) { *out << malformed.name; }

class MalformedHeader : public testing::TestWithParam<Malformed> {};

TEST_P(MalformedHeader, IsRefusedAtTheByte) {
  const Malformed& row = GetParam();
  std::string json = row.json;
  const std::size_t mark = json.find('^');
  ASSERT_NE(mark, std::string::npos) << "the row names no place";
  json.erase(mark, 1);
  try {
    read(safetensors_file(json, row.data));
    FAIL() << "accepted: " << printable(json);
  } catch (const Error& error) {
    EXPECT_EQ(error.category(), Category::bad_input);
    EXPECT_EQ(error.where().file, "weights.safetensors");
    EXPECT_EQ(error.where().offset, 8 + mark) << error.what();
    EXPECT_EQ(error.where().tensor, row.tensor) << error.what();
    EXPECT_THAT(error.what(), HasSubstr(row.words));
    EXPECT_LT(std::string{error.what()}.size(), 1000);
    EXPECT_FALSE(error.expected().empty());
    EXPECT_FALSE(error.got().empty());
  }
}

std::string test_name(const testing::TestParamInfo<Malformed>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(
    Json, MalformedHeader,
    testing::Values(
        Malformed{"BareArray", "^[]", 0, "an object"}, Malformed{"BareNull", "^null", 0, "an object"},
        Malformed{"BareString", "^\"a\"", 0, "an object"}, Malformed{"Number", "^1", 0, "an object"},
        Malformed{"OnlySpace", "   ^", 0, "an object"},
        Malformed{"ByteOrderMark", "^\xef\xbb\xbf{}", 0, "an object"},
        Malformed{"SecondValue", "{} ^{}", 0, "nothing after"},
        Malformed{"NulPadding", std::string{"{}^"} + std::string(6, '\0'), 0, "nothing after"},
        Malformed{"NulFirst", std::string{"^"} + std::string(1, '\0') + "{}", 0, "an object"},
        Malformed{"VerticalTab", "^\v{}", 0, "an object"},
        Malformed{"CommentAfter", "{}^// x", 0, "nothing after"},
        Malformed{"CommentInside", "{^/*x*/}", 0, "a key in double quotes"},
        Malformed{"TrailingComma", "{" + u8("a", "[1]", "[0,1]") + ",^}", 1, "a key in double quotes"},
        Malformed{"LeadingComma", "{^," + u8("a", "[1]", "[0,1]") + "}", 1, "a key in double quotes"},
        Malformed{"NoComma", "{" + u8("a", "[1]", "[0,1]") + "^" + u8("b", "[1]", "[1,2]") + "}", 2, "','"},
        Malformed{"NoColon", "{\"a\" ^{}}", 0, "':'"}, Malformed{"BareKey", "{^a:{}}", 0, "double quotes"},
        Malformed{"SingleQuotes", "{^'a':{}}", 0, "double quotes"}, Malformed{"NotClosed", "{^", 0, "a key"},
        Malformed{"EndsInString", "{\"a^", 0, "a closing quote"},
        Malformed{"EndsInEntry", "{\"a\":{\"dtype\":\"U8\"^", 0, "','"},
        Malformed{"EndsAfterColon", "{\"a\":^", 0, "a JSON value"},
        Malformed{"NotUtf8", "{\"a^\xff\":1}", 0, "UTF-8"},
        Malformed{"OverlongUtf8", "{\"^\xc0\xaf\":1}", 0, "UTF-8"},
        Malformed{"Utf8Surrogate", "{\"^\xed\xa0\x80\":1}", 0, "UTF-8"},
        Malformed{"CutUtf8", "{\"a\":1}^\xe2\x82", 0, "UTF-8"},
        Malformed{"RawControlInString", "{\"a^\n\":1}", 0, "control character"},
        Malformed{"UnknownEscape", "{\"^\\x61\":1}", 0, "an escape"},
        Malformed{"ShortEscape", "{\"\\u^00g1\":1}", 0, "hexadecimal"},
        Malformed{"WrongLiteral", with("\"x\":^nul"), 1, "a JSON value"},
        Malformed{"NotANumber", with("\"x\":^NaN"), 1, "a JSON value"},
        Malformed{"LeadingZeroInUnknown", with("\"x\":0^1"), 1, "leading zeros"},
        Malformed{"BareMinus", with("\"x\":-^"), 1, "a digit"},
        Malformed{"BareDot", with("\"x\":1.^"), 1, "a digit"},
        Malformed{"BareExponent", with("\"x\":1e+^"), 1, "a digit"},
        // The header's object and the entry's are two levels.
        Malformed{"TooDeep", with("\"x\":" + std::string(62, '[') + "^[" + std::string(63, ']')), 1,
                  "64 levels"},
        Malformed{"LoneHighSurrogateInName", "{\"a^\\ud800\":{}}", 0, "surrogate"},
        Malformed{"LoneLowSurrogateInName", "{\"^\\udc00\":{}}", 0, "surrogate"},
        Malformed{"HighSurrogateTwice", "{\"^\\ud800\\ud800\":{}}", 0, "surrogate"},
        Malformed{"HighSurrogateThenLetter", "{\"^\\ud83dA\":{}}", 0, "surrogate"},
        Malformed{"LoneSurrogateInMetadata", "{\"__metadata__\":{\"a\":\"^\\udfff\"}}", 0, "surrogate"}),
    test_name);

INSTANTIATE_TEST_SUITE_P(
    Names, MalformedHeader,
    testing::Values(
        Malformed{"Twice", "{" + u8("a", "[1]", "[0,1]") + ",^" + u8("a", "[1]", "[1,2]") + "}", 2,
                  "every key once"},
        Malformed{"TwiceSameRange", "{" + u8("a", "[1]", "[0,1]") + ",^" + u8("a", "[1]", "[0,1]") + "}", 1,
                  "first at byte 9"},
        Malformed{"TwiceByEscape", "{" + u8("a", "[1]", "[0,1]") + ",^" + u8("\\u0061", "[1]", "[0,1]") + "}",
                  1, "every key once"},
        Malformed{
            "TwiceByPairOfEscapes",
            "{" + u8("\xf0\x9f\x98\x80", "[1]", "[0,1]") + ",^" + u8("\\uD83D\\ude00", "[1]", "[0,1]") + "}",
            1, "every key once"},
        Malformed{"TwiceBySlash", "{" + u8("a/b", "[1]", "[0,1]") + ",^" + u8("a\\/b", "[1]", "[0,1]") + "}",
                  1, "every key once"},
        Malformed{"FirstOfTwoRepetitions",
                  "{" + u8("b", "[0]", "[0,0]") + "," + u8("a", "[0]", "[0,0]") + ",^" +
                      u8("b", "[0]", "[0,0]") + "," + u8("a", "[0]", "[0,0]") + "}",
                  0, "every key once"},
        Malformed{"Empty", "{^" + u8("", "[1]", "[0,1]") + "}", 1, "an empty one"},
        Malformed{"Nul", "{^" + u8("a\\u0000", "[1]", "[0,1]") + "}", 1, "control characters"},
        Malformed{"Escape", "{^" + u8("a\\u001b[2J", "[1]", "[0,1]") + "}", 1, "\\x1b"},
        Malformed{"Newline", "{^" + u8("a\\n", "[1]", "[0,1]") + "}", 1, "control characters"},
        Malformed{"Delete", "{^" + u8("\x7f", "[1]", "[0,1]") + "}", 1, "control characters"},
        Malformed{"C1Control", "{^" + u8("a\xc2\x9f", "[1]", "[0,1]") + "}", 1, "control characters"}),
    test_name);

INSTANTIATE_TEST_SUITE_P(
    Metadata, MalformedHeader,
    testing::Values(Malformed{"NumberValue", "{\"__metadata__\":{\"a\":^1}}", 0, "a string in __metadata__"},
                    Malformed{"NullValue", "{\"__metadata__\":{\"a\":^null}}", 0, "a string in __metadata__"},
                    Malformed{"NestedValue", "{\"__metadata__\":{\"a\":^{}}}", 0, "a string in __metadata__"},
                    Malformed{"Array", "{\"__metadata__\":^[]}", 0, "an object of strings"},
                    Malformed{"String", "{\"__metadata__\":^\"x\"}", 0, "an object of strings"},
                    Malformed{"ShapedLikeATensor",
                              "{\"__metadata__\":{\"dtype\":\"U8\",\"shape\":^[1],\"data_offsets\":[0,1]}}",
                              1, "a string in __metadata__"},
                    Malformed{"KeyTwice", "{\"__metadata__\":{\"a\":\"1\",^\"a\":\"1\"}}", 0,
                              "every key once"},
                    Malformed{"Twice", "{\"__metadata__\":{},^\"__metadata__\":{}}", 0, "every key once"},
                    Malformed{"TwiceByEscape", "{\"__metadata__\":null,^\"\\u005f_metadata__\":null}", 0,
                              "every key once"}),
    test_name);

INSTANTIATE_TEST_SUITE_P(
    Entries, MalformedHeader,
    testing::Values(
        Malformed{"Array", "{\"a\":^[\"U8\",[1],[0,1]]}", 1, "entry as an object", "a"},
        Malformed{"Null", "{\"a\":^null}", 0, "entry as an object", "a"},
        Malformed{"NoDtype", "{\"a\":^{\"shape\":[1],\"data_offsets\":[0,1]}}", 1, "\"dtype\"", "a"},
        Malformed{"NoShape", "{\"a\":^{\"dtype\":\"U8\",\"data_offsets\":[0,1]}}", 1, "\"shape\"", "a"},
        Malformed{"NoOffsets", "{\"a\":^{\"dtype\":\"U8\",\"shape\":[1]}}", 1, "\"data_offsets\"", "a"},
        Malformed{"Nothing", "{\"a\":^{}}", 0, "\"dtype\"", "a"},
        Malformed{"UnknownDtype", "{\"a\":{\"dtype\":^\"F128\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1,
                  "F128", "a"},
        Malformed{"LowerCaseDtype", "{\"a\":{\"dtype\":^\"f32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
                  "dtype", "a"},
        Malformed{"EmptyDtype", "{\"a\":{\"dtype\":^\"\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1, "dtype",
                  "a"},
        Malformed{"NumberDtype", "{\"a\":{\"dtype\":^8,\"shape\":[1],\"data_offsets\":[0,1]}}", 1, "dtype",
                  "a"},
        Malformed{"FieldTwice",
                  "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1],^\"shape\":[1]}}", 1,
                  "every key once"},
        Malformed{"FieldTwiceByEscape",
                  "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1],^\"shap\\u0065\":[1]}}", 1,
                  "every key once"},
        Malformed{"UnknownFieldTwice", with("\"x\":1,^\"x\":2"), 1, "every key once"},
        Malformed{"ShapeNumber", "{" + u8("a", "^1", "[0,1]") + "}", 1, "shape as an array", "a"},
        Malformed{"ShapeObject", "{" + u8("a", "^{}", "[0,1]") + "}", 1, "shape as an array", "a"},
        Malformed{"OffsetsObject", "{" + u8("a", "[1]", "^{}") + "}", 1, "an array of two", "a"},
        Malformed{"OneOffset", "{" + u8("a", "[1]", "^[1]") + "}", 1, "an array of two", "a"},
        Malformed{"NoOffset", "{" + u8("a", "[0]", "^[]") + "}", 0, "an array of two", "a"},
        Malformed{"ThreeOffsets", "{" + u8("a", "[1]", "^[0,1,1]") + "}", 1, "3 values", "a"}),
    test_name);

INSTANTIATE_TEST_SUITE_P(
    Numbers, MalformedHeader,
    testing::Values(
        Malformed{"NegativeDimension", "{" + u8("a", "[^-1]", "[0,1]") + "}", 1, "digits only"},
        Malformed{"MinusZeroDimension", "{" + u8("a", "[^-0]", "[0,0]") + "}", 0, "'-0'"},
        Malformed{"FractionDimension", "{" + u8("a", "[^1.0]", "[0,1]") + "}", 1, "'1.0'"},
        Malformed{"ExponentDimension", "{" + u8("a", "[^1e0]", "[0,1]") + "}", 1, "'1e0'"},
        Malformed{"StringDimension", "{" + u8("a", "[^\"1\"]", "[0,1]") + "}", 1, "digits only"},
        Malformed{"NullDimension", "{" + u8("a", "[^null]", "[0,1]") + "}", 1, "digits only"},
        Malformed{"BooleanDimension", "{" + u8("a", "[^true]", "[0,1]") + "}", 1, "digits only"},
        Malformed{"LeadingZero", "{" + u8("a", "[0^1]", "[0,1]") + "}", 1, "leading zeros"},
        Malformed{"Plus", "{" + u8("a", "[^+1]", "[0,1]") + "}", 1, "a JSON value"},
        Malformed{"Over64Bits", "{" + u8("a", "[^18446744073709551616]", "[0,0]") + "}", 0, "2^64-1"},
        Malformed{"NegativeOffset", "{" + u8("a", "[1]", "[^-1,0]") + "}", 1, "an offset"},
        Malformed{"MinusZeroOffset", "{" + u8("a", "[1]", "[^-0,1]") + "}", 1, "'-0'"},
        Malformed{"FractionOffset", "{" + u8("a", "[1]", "[0,^1.0]") + "}", 1, "an offset"},
        Malformed{"ExponentOffset", "{" + u8("a", "[1]", "[0,^1E0]") + "}", 1, "an offset"},
        Malformed{"StringOffset", "{" + u8("a", "[1]", "[0,^\"1\"]") + "}", 1, "an offset"},
        Malformed{"OffsetOver64Bits", "{" + u8("a", "[1]", "[0,^99999999999999999999]") + "}", 1, "2^64-1"}),
    test_name);

INSTANTIATE_TEST_SUITE_P(
    Geometry, MalformedHeader,
    testing::Values(
        Malformed{"BeginAfterEnd", "{" + u8("a", "[1]", "^[1,0]") + "}", 1, "begin before they end", "a"},
        Malformed{"EndBeyondTheData", "{" + u8("a", "[2]", "^[0,2]") + "}", 1, "within the 1 bytes", "a"},
        Malformed{"EndNearTwoToThe64", "{" + u8("a", "[1]", "^[0,18446744073709551615]") + "}", 1, "within",
                  "a"},
        Malformed{"TooShort", "{" + u8("a", "[3]", "^[0,2]") + "}", 2, "3 bytes apart for U8 [3]", "a"},
        Malformed{"TooLong", "{" + u8("a", "[1]", "^[0,2]") + "}", 2, "got 2 bytes", "a"},
        Malformed{"ScalarOfNoBytes", "{" + u8("a", "[]", "^[0,0]") + "}", 0, "1 bytes apart", "a"},
        Malformed{"Overlap", "{" + u8("a", "[2]", "[0,2]") + "," + u8("b", "[2]", "^[1,3]") + "}", 3,
                  "an overlap", "b"},
        Malformed{"SameRange", "{" + u8("a", "[2]", "[0,2]") + "," + u8("b", "[2]", "^[0,2]") + "}", 2,
                  "an overlap", "b"},
        Malformed{"HoleAtTheStart", "{" + u8("a", "[1]", "^[1,2]") + "}", 2,
                  "where the data begin, at 0, got 1, a hole", "a"},
        Malformed{"HoleBetween", "{" + u8("a", "[1]", "[0,1]") + "," + u8("b", "[1]", "^[2,3]") + "}", 3,
                  "where 'a' ends, at 1, got 2, a hole", "b"},
        Malformed{"EmptyInsideAnother", "{" + u8("a", "[4]", "[0,4]") + "," + u8("e", "[0]", "^[2,2]") + "}",
                  4, "an overlap", "e"},
        Malformed{"EmptyBeyondTheData", "{" + u8("e", "[0]", "^[1,1]") + "}", 0, "within the 0 bytes", "e"},
        Malformed{"ProductWraps", "{" + u8("a", "^[4294967296,4294967296]", "[0,0]") + "}", 0, "under 2^64",
                  "a"},
        Malformed{"ProductWrapsToTheLength", "{" + u8("a", "^[9223372036854775809,2]", "[0,2]") + "}", 2,
                  "under 2^64", "a"},
        Malformed{"BitsWrap", "{" + u8("a", "^[2305843009213693952]", "[0,0]") + "}", 0, "under 2^64", "a"},
        Malformed{"ZeroFirstHidesWrap", "{" + u8("a", "^[0,18446744073709551615,2]", "[0,0]") + "}", 0,
                  "under 2^64", "a"},
        Malformed{"ZeroLastHidesWrap", "{" + u8("a", "^[18446744073709551615,2,0]", "[0,0]") + "}", 0,
                  "under 2^64", "a"},
        Malformed{"HalfAByteOfF4", "{\"a\":{\"dtype\":\"F4\",\"shape\":^[3],\"data_offsets\":[0,2]}}", 2,
                  "12 bits", "a"},
        Malformed{"SixBitsOfF6", "{\"a\":{\"dtype\":\"F6_E2M3\",\"shape\":^[1],\"data_offsets\":[0,1]}}", 1,
                  "6 bits", "a"}),
    test_name);

TEST(Safetensors, RefusesWrongFrames) {
  const struct {
    const char* name;
    std::string bytes;
    std::uint64_t offset;
    const char* words;
  } rows[] = {
      {"empty", "", 0, "a file of 0 bytes"},
      {"seven bytes", std::string(7, 'x'), 0, "a file of 7 bytes"},
      {"length only", safetensors_frame(2, ""), 0, "2 in a file of 8 bytes"},
      {"length 0", safetensors_frame(0, "{}"), 0, "0 in a file of 10 bytes"},
      {"length one too many", safetensors_frame(3, "{}"), 0, "from 1 to 2"},
      {"length 2^64-1", safetensors_frame(~std::uint64_t{0}, "{}"), 0, "18446744073709551615 in"},
      {"length 2^63", safetensors_frame(std::uint64_t{1} << 63, "{}"), 0, "from 1 to 2"},
      {"data after the last tensor", safetensors_file("{" + u8("a", "[1]", "[0,1]") + "}", 2), 62,
       "1 bytes that no"},
      {"data without a tensor", safetensors_file("{}", 1), 10, "1 bytes that no"},
      {"lfs pointer", "version https://git-lfs.github.com/spec/v1\n", 0, "git-lfs"},
      {"html", "<!DOCTYPE html><html></html>", 0, "HTML"},
      {"zip", std::string("PK\x03\x04\0\0\0\0\0\0", 10), 0, ".pth"},
      {"gguf", "GGUF\x03", 0, "GGUF"},
      {"json", "{\"weight_map\": {}}", 0, "JSON"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    try {
      read(row.bytes);
      ADD_FAILURE() << "accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.category(), Category::bad_input);
      EXPECT_EQ(error.where().offset, row.offset) << error.what();
      EXPECT_THAT(error.what(), HasSubstr(row.words));
    }
  }
}

/// A file that claims a size and fails the test if it is read further than its header's length.
class Claims final : public ByteSource {
 public:
  explicit Claims(std::uint64_t size) : size_(size) {}
  const std::string& label() const noexcept override { return label_; }
  std::uint64_t size() const noexcept override { return size_; }
  void read_at(std::uint64_t offset, std::span<std::byte> out) const override {
    EXPECT_LE(offset + out.size(), 32U) << "read before the length was checked";
    const std::string frame = safetensors_frame(100'000'001, std::string(24, ' '));
    std::memcpy(out.data(), frame.data() + offset, out.size());
  }

 private:
  std::string label_ = "huge";
  std::uint64_t size_;
};

TEST(Safetensors, RefusesHeadersOverHundredMillionBytesUnread) {
  EXPECT_THROW(read_safetensors_header(Claims{std::uint64_t{1} << 40}), Error);
}

TEST(Safetensors, QuotesAtMost200BytesOfForeignText) {
  const std::string name(100'000, 'n');
  try {
    read(safetensors_file("{" + u8(name, "[2]", "[0,1]") + "}", 1));
    FAIL();
  } catch (const Error& error) {
    EXPECT_LT(std::string{error.what()}.size(), 600);
  }
}

// --- What is accepted ---

struct WellFormed {
  const char* name;
  std::string json;
  std::size_t data;
  std::vector<std::string> tensors;
};

void PrintTo(const WellFormed& row, std::ostream* out) { *out << row.name; }

class WellFormedHeader : public testing::TestWithParam<WellFormed> {};

TEST_P(WellFormedHeader, IsAccepted) {
  const SafetensorsHeader header = read(safetensors_file(GetParam().json, GetParam().data));
  std::vector<std::string> names;
  for (const TensorInfo& tensor : header.tensors) names.push_back(tensor.name);
  EXPECT_EQ(names, GetParam().tensors);
  EXPECT_EQ(header.header_bytes, 8 + GetParam().json.size());
}

INSTANTIATE_TEST_SUITE_P(
    , WellFormedHeader,
    testing::Values(
        WellFormed{"NoTensors", "{}", 0, {}}, WellFormed{"SpaceAround", " \t\r\n{} \n\t", 0, {}},
        WellFormed{
            "SpaceEverywhere",
            " { \"a\" : { \"dtype\" : \"U8\" , \"shape\" : [ 1 , 1 ] , \"data_offsets\" : [ 0 , 1 ] } } ",
            1,
            {"a"}},
        WellFormed{"EmptyShapeWithSpace", "{" + u8("a", "[ ]", "[0,1]") + "}", 1, {"a"}},
        WellFormed{"Scalar", "{" + u8("a", "[]", "[0,1]") + "}", 1, {"a"}},
        WellFormed{"ZeroSized", "{" + u8("a", "[0,7]", "[0,0]") + "}", 0, {"a"}},
        WellFormed{"ZeroSizedAtEveryBorder",
                   "{" + u8("x", "[0]", "[2,2]") + "," + u8("b", "[1]", "[1,2]") + "," +
                       u8("m", "[0]", "[1,1]") + "," + u8("a", "[1]", "[0,1]") + "," +
                       u8("s", "[0]", "[0,0]") + "}",
                   2,
                   {"s", "a", "m", "b", "x"}},
        WellFormed{"AnyOrderOfTensors",
                   "{" + u8("b", "[2]", "[1,3]") + "," + u8("a", "[1]", "[0,1]") + "}",
                   3,
                   {"a", "b"}},
        WellFormed{
            "AnyOrderOfFields", "{\"a\":{\"data_offsets\":[0,1],\"shape\":[1],\"dtype\":\"U8\"}}", 1, {"a"}},
        WellFormed{"Misaligned",
                   "{" + u8("a", "[1]", "[0,1]") +
                       ",\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[1,5]}}",
                   5,
                   {"a", "b"}},
        WellFormed{"EvenF4", "{\"a\":{\"dtype\":\"F4\",\"shape\":[4],\"data_offsets\":[0,2]}}", 2, {"a"}},
        WellFormed{
            "FourOfF6", "{\"a\":{\"dtype\":\"F6_E3M2\",\"shape\":[4],\"data_offsets\":[0,3]}}", 3, {"a"}},
        WellFormed{
            "UnknownFields", with("\"x\":{\"y\":[1,-0.5e3,\"z\",true,false,null,{}]},\"w\":-0"), 1, {"a"}},
        WellFormed{"DeepestNesting", with("\"x\":" + nested(62)), 1, {"a"}},
        WellFormed{"MetadataLast",
                   "{" + u8("a", "[1]", "[0,1]") + ",\"__metadata__\":{\"format\":\"pt\"}}",
                   1,
                   {"a"}},
        WellFormed{"MetadataNull", "{\"__metadata__\":null," + u8("a", "[1]", "[0,1]") + "}", 1, {"a"}},
        WellFormed{"MetadataByEscape", "{\"\\u005f_metadata__\":{\"a\":\"\"}}", 0, {}},
        WellFormed{
            "PathLikeName", "{" + u8("../../etc/passwd", "[1]", "[0,1]") + "}", 1, {"../../etc/passwd"}},
        WellFormed{"QuotesAndBackslash", "{" + u8("\\\"\\\\'", "[1]", "[0,1]") + "}", 1, {"\"\\'"}},
        WellFormed{"AnyScript",
                   "{" + u8("\xe9\x87\x8d\xd0\xb2\\u00e9", "[1]", "[0,1]") + "}",
                   1,
                   {"\xe9\x87\x8d\xd0\xb2\xc3\xa9"}},
        WellFormed{
            "SurrogatePair", "{" + u8("\\ud83d\\ude00", "[1]", "[0,1]") + "}", 1, {"\xf0\x9f\x98\x80"}},
        WellFormed{"NormalFormsDiffer",
                   "{" + u8("e\xcc\x81", "[1]", "[1,2]") + "," + u8("\xc3\xa9", "[1]", "[0,1]") + "}",
                   2,
                   {"\xc3\xa9", "e\xcc\x81"}},
        WellFormed{"NameOfAMegabyte",
                   "{" + u8(std::string(1 << 20, 'n'), "[1]", "[0,1]") + "}",
                   1,
                   {std::string(1 << 20, 'n')}}),
    [](const testing::TestParamInfo<WellFormed>& info) { return std::string{info.param.name}; });

TEST(Safetensors, KnowsAll22Dtypes) {
  const std::pair<const char*, int> types[] = {
      {"BOOL", 8},        {"U8", 8},          {"I8", 8},      {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8},
      {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"I16", 16},    {"U16", 16},    {"F16", 16},    {"BF16", 16},
      {"I32", 32},        {"U32", 32},        {"F32", 32},    {"C64", 64},    {"F64", 64},    {"I64", 64},
      {"U64", 64},        {"F4", 4},          {"F6_E2M3", 6}, {"F6_E3M2", 6}};
  EXPECT_EQ(std::size(types), 22U);
  for (const auto& [type, width] : types) {
    SCOPED_TRACE(type);
    const std::string bytes = std::to_string(width);  // of eight elements
    const SafetensorsHeader header =
        read(safetensors_file(std::string{"{\"a\":{\"dtype\":\""} + type +
                                  "\",\"shape\":[2,4],\"data_offsets\":[0," + bytes + "]}}",
                              width));
    EXPECT_EQ(name(header.tensors.at(0).type), type);
    EXPECT_EQ(header.tensors[0].end - header.tensors[0].begin, static_cast<std::uint64_t>(width));
  }
}

TEST(Safetensors, CountsBytesFromTheStartOfTheFile) {
  const std::string json = "{" + u8("b", "[2]", "[1,3]") + "," + u8("a", "[1,1]", "[0,1]") + "}";
  const SafetensorsHeader header = read(safetensors_file(json, 3));
  ASSERT_EQ(header.tensors.size(), 2U);
  EXPECT_EQ(header.tensors[0].begin, 8 + json.size());
  EXPECT_EQ(header.tensors[0].shape, (std::vector<std::uint64_t>{1, 1}));
  EXPECT_EQ(header.tensors[1].begin, 9 + json.size());
  EXPECT_EQ(header.tensors[1].end, 11 + json.size());
  EXPECT_EQ(header.tensors[1].elements(), 2U);
}

TEST(Safetensors, KeepsTheTextOfTheMetadata) {
  EXPECT_EQ(read(safetensors_file("{\"__metadata__\": {\"format\": \"pt\"} }", 0)).metadata,
            "{\"format\": \"pt\"}");
  EXPECT_EQ(read(safetensors_file("{}", 0)).metadata, "");
}

}  // namespace
}  // namespace ditmill::registry
