#include "models/weights_view.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <span>
#include <utility>

#include "configs/error.h"
#include "configs/list_text.h"

namespace ditmill::models {
namespace {

std::string shape_text(at::IntArrayRef shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

void list(std::string& out, const std::vector<std::string>& names, const char* what) {
  if (names.empty()) return;
  constexpr std::size_t shown = 100;
  extend_list(out, std::to_string(names.size()) + " " + what + ": ", "; ");
  out += fmt::format("{}", fmt::join(std::span{names}.first(std::min(shown, names.size())), ", "));
  if (names.size() > shown) out += ", ...";
}

}  // namespace

struct WeightsView::Account {
  dist::TensorMap tensors;
  std::string label;
  std::set<std::string, std::less<>> taken;
  std::vector<std::string> missing;
  std::vector<std::string> misshapen;
  configs::Numerics numerics = configs::Numerics::reference;
};

WeightsView::WeightsView(dist::TensorMap tensors, std::string label, configs::Numerics numerics)
    : account_(
          std::make_shared<Account>(Account{std::move(tensors), std::move(label), {}, {}, {}, numerics})) {}

configs::Numerics WeightsView::numerics() const noexcept { return account_->numerics; }

WeightsView::WeightsView(std::shared_ptr<Account> account, std::string prefix)
    : account_(std::move(account)), prefix_(std::move(prefix)) {}

WeightsView WeightsView::scope(std::string_view name) const {
  return {account_, prefix_ + std::string(name) + "."};
}

WeightsView WeightsView::scope(std::string_view name, std::int64_t index) const {
  return {account_, prefix_ + std::string(name) + "." + std::to_string(index) + "."};
}

at::Tensor WeightsView::take(std::string_view name, std::vector<std::int64_t> shape) const {
  const std::string full = prefix_ + std::string(name);
  const auto found = account_->tensors.find(full);
  if (found == account_->tensors.end()) {
    account_->missing.push_back(full);
    return at::empty(shape, at::kFloat);
  }
  account_->taken.insert(full);
  if (found->second.sizes() != at::IntArrayRef(shape)) {
    account_->misshapen.push_back(full + " is " + shape_text(found->second.sizes()) + ", not " +
                                  shape_text(shape));
    return at::empty(shape, found->second.options());
  }
  return found->second;
}

bool WeightsView::has(std::string_view name) const {
  return account_->tensors.contains(prefix_ + std::string(name));
}

void WeightsView::finish() const {
  std::vector<std::string> unexpected;
  for (const auto& [name, tensor] : account_->tensors) {
    if (!account_->taken.contains(name)) unexpected.push_back(printable(name, 120));
  }
  std::string got;
  list(got, account_->missing, "missing");
  list(got, account_->misshapen, "of another shape");
  list(got, unexpected, "unexpected");
  if (got.empty()) return;
  throw Error{Category::bad_input, "build the layers", Where{.file = account_->label},
              Expected{"exactly the tensors that the layers take"}, Got{got}};
}

}  // namespace ditmill::models
