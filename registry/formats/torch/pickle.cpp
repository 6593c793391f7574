#include "registry/formats/torch/pickle.h"

#include <utility>

#include "configs/error.h"
#include "configs/hex.h"
#include "registry/formats/torch/little_endian.h"
#include "registry/formats/torch/pickle_memo.h"
#include "registry/formats/torch/pickle_opcodes.h"
#include "registry/formats/torch/pickle_stack.h"
#include "registry/formats/torch/pickle_tensor.h"

namespace ditmill::registry {
namespace {

constexpr const char* save_hint =
    "save it again with torch.save(model.state_dict(), ...); nothing was imported or called";

/// Runs one pickle: what each opcode does with the stack and the memo.
class PickleMachine : private PickleStack {
 public:
  PickleMachine(PickleInput input, BoundedMemory& memory)
      : PickleStack(std::move(input), memory), memo_(object_.input().bytes, memory) {}

  PickleObject run() {
    const std::span<const std::byte> bytes = object_.input().bytes;
    for (std::uint64_t next = 0;; ++ops_) {
      at_ = next;
      const std::optional<PickleOp> op = read_opcode(bytes, at_);
      if (!op) refuse_cut(bytes);
      if (!is_known(op->code)) refuse_opcode(op->code);
      next = op->end;
      if ((ops_ == 0) != (op->opcode() == Opcode::proto)) {
        bad("PROTO as the first opcode and nowhere else", std::string{opcode_name(op->code)});
      }
      if (op->opcode() == Opcode::stop) break;
      step(*op);
    }
    if (stack_.size() != 1 || !marks_.empty()) {
      bad("one value on the stack at STOP",
          std::to_string(stack_.size()) + ", and " + std::to_string(marks_.size()) + " marks");
    }
    if (at_ + 1 != bytes.size()) {
      object_.fail(at_ + 1, "the end of the pickle behind STOP",
                   std::to_string(bytes.size() - at_ - 1) + " bytes");
    }
    return finish(stack_.back());
  }

 private:
  [[noreturn]] void refuse_cut(std::span<const std::byte> bytes) const {
    if (at_ >= bytes.size()) bad("STOP at the end of the pickle", "its end");
    const auto code = std::to_integer<std::uint8_t>(bytes[at_]);
    bad("the whole argument of " + std::string{opcode_name(code)},
        "one that goes beyond the pickle's " + std::to_string(bytes.size()) + " bytes");
  }

  [[noreturn]] void refuse_opcode(std::uint8_t code) const {
    const std::string_view name = opcode_name(code);
    std::string byte = "byte 0x";
    append_hex(byte, code, 2);
    bad("an opcode of pickle protocols 2 to 5 that a state dict needs",
        name.empty() ? byte : std::string{name}, save_hint);
  }

  void step(const PickleOp& op) {
    if (!push_literal(op) && !step_container(op) && !step_object(op)) step_stack(op);
  }

  // --- values that an opcode spells

  bool push_literal(const PickleOp& op) {
    const auto at = static_cast<std::uint32_t>(op.at);
    switch (op.opcode()) {
      case Opcode::none:
        push({PickleKind::none});
        return true;
      case Opcode::newtrue:
      case Opcode::newfalse:
        push({PickleKind::boolean, static_cast<std::uint8_t>(op.opcode() == Opcode::newtrue)});
        return true;
      case Opcode::binint:
      case Opcode::binint1:
      case Opcode::binint2:
      case Opcode::long1:
      case Opcode::long4:
        push({PickleKind::integer, 0, at});
        return true;
      case Opcode::binfloat:
        push({PickleKind::real, 0, at});
        return true;
      case Opcode::binunicode:
      case Opcode::binunicode8:
      case Opcode::short_binunicode:
      // Python 2 wrote names as these.
      case Opcode::binstring:
      case Opcode::short_binstring:
        push({PickleKind::text, 0, at});
        return true;
      case Opcode::binbytes:
      case Opcode::binbytes8:
      case Opcode::short_binbytes:
      case Opcode::bytearray8:
        push({PickleKind::bytes, 0, at});
        return true;
      default:
        return false;
    }
  }

  // --- containers

  bool step_container(const PickleOp& op) {
    switch (op.opcode()) {
      case Opcode::empty_tuple:
        push_tuple(0);
        return true;
      case Opcode::tuple1:
      case Opcode::tuple2:
      case Opcode::tuple3:
        push_tuple(op.code - static_cast<std::uint8_t>(Opcode::tuple1) + 1U);
        return true;
      case Opcode::tuple:
        push_tuple(take_mark());
        return true;
      case Opcode::empty_list:
        push_growing(PickleKind::list, 0);
        return true;
      case Opcode::list:
        push_growing(PickleKind::list, take_mark());
        return true;
      case Opcode::empty_dict:
        push_growing(PickleKind::dictionary, 0);
        return true;
      case Opcode::dict:
        push_growing(PickleKind::dictionary, take_mark());
        return true;
      case Opcode::append:
        grow(PickleKind::list, 1);
        return true;
      case Opcode::appends:
        grow(PickleKind::list, take_mark());
        return true;
      case Opcode::setitem:
        grow(PickleKind::dictionary, 2);
        return true;
      case Opcode::setitems:
        grow(PickleKind::dictionary, take_mark());
        return true;
      case Opcode::empty_set:
        push({PickleKind::set});
        return true;
      case Opcode::frozenset:
        count_content(drop(take_mark()));
        push({PickleKind::set});
        return true;
      case Opcode::additems:
        count_content(drop(take_mark()));
        if (top().kind != PickleKind::set) bad("a set to add to", object_.described(top()));
        return true;
      default:
        return false;
    }
  }

  // --- globals, and what they would make

  bool step_object(const PickleOp& op) {
    switch (op.opcode()) {
      case Opcode::global: {
        const std::string_view lines{reinterpret_cast<const char*>(op.argument.data()), op.argument.size()};
        const std::size_t end = lines.find('\n');
        push_global(lines.substr(0, end), lines.substr(end + 1, lines.size() - end - 2));
        return true;
      }
      case Opcode::stack_global: {
        const PickleValue name = pop();
        const PickleValue module = pop();
        if (name.kind != PickleKind::text || module.kind != PickleKind::text) {
          bad("a module and a name as strings",
              object_.described(module) + " and " + object_.described(name));
        }
        push_global(object_.text(module), object_.text(name));
        return true;
      }
      case Opcode::reduce:
        reduce();
        return true;
      case Opcode::newobj: {
        const PickleValue arguments = pop();
        const PickleValue made = pop();
        if (!is_global(made, GlobalKind::ordered_dict) || arguments.kind != PickleKind::tuple ||
            object_.size(arguments) != 0) {
          bad("NEWOBJ of an OrderedDict without arguments", "NEWOBJ of " + object_.described(made),
              save_hint);
        }
        push_growing(PickleKind::dictionary, 0);
        return true;
      }
      case Opcode::build:
        build();
        return true;
      case Opcode::binpersid: {
        const PickleValue id = pop();
        if (id.kind != PickleKind::tuple) bad("a storage's persistent id as a tuple", object_.described(id));
        if (object_.size(id) == 0) bad("the persistent id of a storage", "an empty tuple");
        const PickleValue storage{PickleKind::storage, 0, id.at};
        note_storage(storage);
        push(storage);
        return true;
      }
      default:
        return false;
    }
  }

  bool is_global(PickleValue value, GlobalKind kind) const {
    return value.kind == PickleKind::global && object_.global(value).kind == kind;
  }

  void push_global(std::string_view module, std::string_view name) {
    const std::optional<PickleGlobal> global = pickle_global(module, name);
    if (!global) {
      std::string got = "'" + printable(module, 90) + "." + printable(name, 90) + "'";
      const std::optional<RefusedGlobal> refused = refused_global(module, name);
      if (refused) got += ", " + std::string{refused->meaning};
      bad("a global that a state dict needs (tensors, storages, dtypes, OrderedDict)", std::move(got),
          refused ? std::string{refused->cure} : save_hint);
    }
    push({PickleKind::global, static_cast<std::uint8_t>(global->kind),
          static_cast<std::uint32_t>(global->type)});
  }

  void reduce() {
    const PickleValue arguments = pop();
    const PickleValue called = pop();
    if (arguments.kind != PickleKind::tuple)
      bad("the arguments of REDUCE as a tuple", object_.described(arguments));
    if (called.kind != PickleKind::global)
      bad("REDUCE of a global", "of " + object_.described(called), save_hint);
    const GlobalKind kind = object_.global(called).kind;
    const std::size_t count = object_.size(arguments);
    switch (kind) {
      case GlobalKind::ordered_dict:
        push_ordered_dict(arguments);
        return;
      case GlobalKind::size:
        if (count != 1 || object_.element(arguments, 0).kind != PickleKind::tuple)
          bad("torch.Size of a tuple", std::to_string(count) + " arguments");
        push(object_.element(arguments, 0));
        return;
      case GlobalKind::device:
        push({PickleKind::device, 0, arguments.at});
        return;
      case GlobalKind::rebuild_tensor:
      case GlobalKind::rebuild_tensor_v2:
      case GlobalKind::rebuild_tensor_v3: {
        const PickleValue tensor{PickleKind::tensor, static_cast<std::uint8_t>(kind), arguments.at};
        const PickledTensor decoded = decode_tensor(object_, tensor, at_);
        // One tuple of many sizes can serve many tensors, and is gone through for each.
        if (object_.size(decoded.sizes) > short_tuple) count_content(object_.size(decoded.sizes));
        push(tensor);
        return;
      }
      case GlobalKind::rebuild_parameter:
      case GlobalKind::rebuild_parameter_with_state: {
        const std::size_t wanted = kind == GlobalKind::rebuild_parameter ? 3 : 4;
        if (count != wanted || object_.element(arguments, 0).kind != PickleKind::tensor) {
          bad("a parameter of a tensor and " + std::to_string(wanted - 1) + " more arguments",
              std::to_string(count) + " arguments");
        }
        push(object_.element(arguments, 0));
        return;
      }
      case GlobalKind::storage_type:
      case GlobalKind::dtype:
        break;
    }
    bad("REDUCE of a function of the list", "of " + object_.described(called), save_hint);
  }

  /// Python 2 wrote an OrderedDict with a list of its pairs.
  void push_ordered_dict(PickleValue arguments) {
    const std::size_t count = object_.size(arguments);
    const bool pairs = count == 1 && object_.element(arguments, 0).kind == PickleKind::list;
    if (count != 0 && !pairs)
      bad("an OrderedDict of nothing or of a list of pairs", std::to_string(count) + " arguments");
    push_growing(PickleKind::dictionary, 0);
    if (!pairs) return;
    PickleObject::Cursor list = object_.elements(object_.element(arguments, 0));
    while (const std::optional<PickleValue> pair = list.next()) {
      const bool two =
          (pair->kind == PickleKind::list || pair->kind == PickleKind::tuple) && object_.size(*pair) == 2;
      if (!two) bad("pairs of keys and values", object_.described(*pair));
      if (pair->kind == PickleKind::tuple) {
        push(object_.element(*pair, 0));
        push(object_.element(*pair, 1));
      } else {
        PickleObject::Cursor both = object_.elements(*pair);
        push(*both.next());
        push(*both.next());
      }
      grow(PickleKind::dictionary, 2);
    }
  }

  /// State is what Python code left on an object: taken where it cannot change what tensors there are.
  void build() {
    const PickleValue state = pop();
    const PickleValue target = top();
    const auto is_attributes = [](PickleValue value) {
      return value.kind == PickleKind::dictionary || value.kind == PickleKind::none;
    };
    bool harmless = is_attributes(state);
    if (state.kind == PickleKind::tuple && object_.size(state) == 2) {
      harmless = is_attributes(object_.element(state, 0)) && is_attributes(object_.element(state, 1));
    }
    // (requires_grad, nothing, hooks), as old versions wrote it.
    if (target.kind == PickleKind::tensor && state.kind == PickleKind::tuple && object_.size(state) == 3) {
      harmless = object_.element(state, 0).kind == PickleKind::boolean;
    }
    if (target.kind != PickleKind::tensor && target.kind != PickleKind::dictionary) {
      bad("BUILD on a tensor or a dictionary", "on " + object_.described(target), save_hint);
    }
    if (!harmless) bad("a state that leaves values alone", object_.described(state), save_hint);
  }

  // --- stack and memo

  void step_stack(const PickleOp& op) {
    switch (op.opcode()) {
      case Opcode::proto: {
        const std::uint64_t version = little_endian(op.argument);
        if (version < 2 || version > 5)
          bad("a pickle of protocol 2 to 5", "protocol " + std::to_string(version));
        return;
      }
      case Opcode::frame:
        if (little_endian(op.argument) > object_.input().bytes.size() - op.end) {
          bad("a frame within the pickle", "one of " + std::to_string(little_endian(op.argument)) + " bytes");
        }
        return;
      case Opcode::mark:
        marks_.push_back(static_cast<std::uint32_t>(stack_.size()));
        return;
      case Opcode::pop:
        if (!marks_.empty() && marks_.back() == stack_.size()) {
          marks_.pop_back();
        } else {
          pop();
        }
        return;
      case Opcode::pop_mark:
        drop(take_mark());
        return;
      case Opcode::dup:
        push(top());
        return;
      case Opcode::binget:
      case Opcode::long_binget: {
        const std::uint64_t index = little_endian(op.argument);
        const std::optional<PickleValue> value = memo_.get(index);
        if (!value) bad("a memo entry that was put before", "entry " + std::to_string(index));
        push(*value);
        return;
      }
      case Opcode::binput:
      case Opcode::long_binput: {
        const std::uint64_t index = little_endian(op.argument);
        if (memoized_ > 0) bad("only MEMOIZE, or only BINPUT", "both");
        if (index > ops_) {
          bad("a memo entry up to the " + std::to_string(ops_) + " opcodes read", std::to_string(index));
        }
        memo_.put(index, top());
        put_ = true;
        return;
      }
      case Opcode::memoize:
        // Where both are used, what MEMOIZE means depends on the reader.
        if (put_) bad("only MEMOIZE, or only BINPUT", "both");
        memo_.put(memoized_++, top());
        return;
      default:
        // Every known opcode has its case here or before.
        throw Error{Category::internal, "run a pickle", Where{.file = object_.input().file},
                    Expected{"a case for each opcode"}, Got{std::string{opcode_name(op.code)}}};
    }
  }

  PickleMemo memo_;
  std::uint64_t ops_ = 0;       // read before the one at work
  std::uint64_t memoized_ = 0;  // by MEMOIZE
  bool put_ = false;            // something by BINPUT
};

}  // namespace

PickleObject read_pickle(PickleInput input, BoundedMemory& memory) {
  return PickleMachine{std::move(input), memory}.run();
}

}  // namespace ditmill::registry
