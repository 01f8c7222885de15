// Nests are found by their heads (contractions, reductions): a value between two heads belongs to
// the earlier one as long as it has a shape that its nest can compute.
#include "ir/stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "ir/access.h"
#include "ir/shape_rules.h"

namespace netc::ir {
namespace {

Form form(const Function& f, ValueId v) { return def(f[v].op).form; }
bool is_view(const Function& f, ValueId v) { return form(f, v) == Form::View; }

bool has_fixed_size(const Shape& shape, size_t from = 0) {
  return std::all_of(shape.begin() + std::ptrdiff_t(std::min(from, shape.size())), shape.end(),
                     [](const Dim& d) { return d.is_constant(); });
}

/// The batch times a row of fixed size.
bool has_rows(const Shape& shape) {
  return !shape.empty() && shape[0] == Dim::symbol("batch") && has_fixed_size(shape, 1);
}

const std::vector<int64_t>& reduced(const Value& reduce) {
  return std::get<std::vector<int64_t>>(reduce.attrs[1]);
}

bool sums_rows(const Function& f, const Value& reduce) {
  const auto& dims = reduced(reduce);
  return std::find(dims.begin(), dims.end(), 0) != dims.end() &&
         has_rows(f[reduce.args[0]].type.shape);
}

class Roles {
 public:
  Roles(const Function& function, const std::vector<ValueId>& values)
      : f_(function), values_(values), inside_(values.begin(), values.end()) {}

  RowRole role() const {
    const Value* head = nullptr;
    for (ValueId v : values_) {
      const Form is = form(f_, v);
      const bool heads = is == Form::Contract || is == Form::Reduce;
      if (!heads && is != Form::Map && is != Form::View) return RowRole::None;
      if (heads && !head) head = &f_[v];
    }
    if (!head) return each(values_) ? RowRole::Each : RowRole::None;
    return def(head->op).form == Form::Contract ? contraction(*head) : reductions(*head);
  }

 private:
  const Function& f_;
  const std::vector<ValueId>& values_;
  std::set<ValueId> inside_;

  /// Whether `v`, from outside, has no rows, or its dim `row` (-1: none) counts them.
  bool reads_rows(ValueId v, int row) const {
    const auto access = affine_access(f_, v);
    if (!access) return false;
    const Shape& shape = f_[access->base].type.shape;
    if (has_fixed_size(shape) || f_[access->base].op == Op::constant) return true;
    const bool stored =
        form(f_, access->base) != Form::Leaf || f_[access->base].op == Op::parameter;
    if (!stored || !has_rows(shape) || row < 0) return false;
    return stays_in_row(*access, f_[v].type.shape, size_t(row));
  }

  /// Whether rows of a view of this shape, counted by its dim `row`, are rows of the base.
  bool stays_in_row(const Access& access, const Shape& shape, size_t row) const {
    const Dim step = stored_access(f_, access.base).strides[0];
    if (!step.is_constant() || access.strides[row] != step) return false;
    if (!access.offset.is_constant()) return false;
    int64_t first = access.offset.constant(), last = first;  // elements of row 0 that are read
    for (size_t d = 0; d < access.strides.size(); ++d) {
      if (d == row) continue;
      const Dim& size = shape[d];
      if (!size.is_constant() || !access.strides[d].is_constant()) return false;
      const int64_t reach = (size.constant() - 1) * access.strides[d].constant();
      (reach < 0 ? first : last) += reach;
    }
    return first >= 0 && last < step.constant();
  }

  /// Whether a view of a value that is computed here shows each row its own.
  bool keeps_rows(ValueId view) const {
    const ValueId a = f_[view].args[0];
    const auto access = through_view(f_[view], f_[a].type, stored_access(f_, a));
    return access && has_rows(f_[a].type.shape) && stays_in_row(*access, f_[view].type.shape, 0);
  }

  bool reads_own_row(ValueId v) const {
    return inside_.contains(v) || reads_rows(v, has_rows(f_[v].type.shape) ? 0 : -1);
  }

  bool each(const std::vector<ValueId>& some) const {
    return std::all_of(some.begin(), some.end(), [&](ValueId v) {
      const auto& args = f_[v].args;
      if (!has_rows(f_[v].type.shape)) return false;
      if (is_view(f_, v) && form(f_, args[0]) == Form::Map && inside_.contains(args[0]) &&
          !keeps_rows(v))
        return false;
      return (!is_view(f_, v) || args.size() == 1) &&
             std::all_of(args.begin(), args.end(), [&](ValueId a) { return reads_own_row(a); });
    });
  }

  RowRole contraction(const Value& head) const {
    const auto [lhs, rhs, result] = einsum_labels(std::get<std::string>(head.attrs[0]));
    const std::string terms[2] = {lhs, rhs};
    char label = 0;
    for (size_t which : {0, 1})
      for (size_t d = 0; d < terms[which].size(); ++d) {
        const Dim& size = f_[head.args[which]].type.shape[d];
        if (size.is_constant()) continue;
        if (size != Dim::symbol("batch") || (label && label != terms[which][d]))
          return RowRole::None;
        label = terms[which][d];
      }
    if (!label) return RowRole::None;
    for (size_t which : {0, 1}) {
      const size_t at = terms[which].find(label);
      if (inside_.contains(head.args[which]) ||
          !reads_rows(head.args[which], at == std::string::npos ? -1 : int(at)))
        return RowRole::None;
    }
    const size_t kept = result.find(label);
    std::vector<ValueId> maps;
    for (ValueId v : values_)
      if (&f_[v] != &head) maps.push_back(v);
    if (kept == 0) return each(maps) ? RowRole::Each : RowRole::None;
    return kept == std::string::npos && after_sum(maps) ? RowRole::Summed : RowRole::None;
  }

  /// Values that are computed from complete sums.
  bool after_sum(const std::vector<ValueId>& maps) const {
    return std::all_of(maps.begin(), maps.end(), [&](ValueId v) {
      const auto& args = f_[v].args;
      return form(f_, v) == Form::Map && has_fixed_size(f_[v].type.shape) &&
             std::all_of(args.begin(), args.end(),
                         [&](ValueId a) { return inside_.contains(a) || reads_rows(a, -1); });
    });
  }

  RowRole reductions(const Value& head) const {
    if (!sums_rows(f_, head)) return each(values_) ? RowRole::Each : RowRole::None;
    std::vector<ValueId> before, after;
    for (ValueId v : values_) {
      const Value& value = f_[v];
      if (form(f_, v) == Form::Reduce) {
        if (std::get<ReduceKind>(value.attrs[0]) != ReduceKind::sum || !sums_rows(f_, value))
          return RowRole::None;
        if (!reads_own_row(value.args[0])) return RowRole::None;
      } else {
        (has_fixed_size(value.type.shape) && !is_view(f_, v) ? after : before).push_back(v);
      }
    }
    return each(before) && after_sum(after) ? RowRole::Summed : RowRole::None;
  }
};

/// Splits a kernel at its heads.
class Splitter {
 public:
  Splitter(const Function& function, const std::vector<ValueId>& kernel)
      : f_(function), kernel_(kernel) {}

  std::vector<std::vector<ValueId>> run() {
    for (ValueId v : kernel_) {
      const Form is = form(f_, v);
      if (is == Form::Contract || is == Form::Reduce)
        head(v);
      else if (is != Form::View)
        other(v);
    }
    if (!several_) return {};
    for (size_t n = 0; n < nests_.size(); ++n)
      for (ValueId v : nests_[n].values) nest_[v] = n;
    for (ValueId v : kernel_)
      if (is_view(f_, v)) view(v);
    std::vector<std::vector<ValueId>> out;
    for (Nest& nest : nests_) {
      std::sort(nest.values.begin(), nest.values.end());
      out.push_back(std::move(nest.values));
    }
    return out;
  }

 private:
  struct Nest {
    ValueId head;  ///< absent: maps alone
    std::vector<ValueId> values;
  };
  const Function& f_;
  const std::vector<ValueId>& kernel_;
  std::vector<Nest> nests_;
  std::map<ValueId, size_t> nest_;
  ValueId first_head_;
  bool several_ = false;  ///< heads that cannot share a loop

  const Shape& shape(ValueId v) const { return f_[v].type.shape; }

  bool same_loop(ValueId a, ValueId b) const {
    return form(f_, a) == Form::Reduce && form(f_, b) == Form::Reduce &&
           shape(f_[a].args[0]) == shape(f_[b].args[0]) && reduced(f_[a]) == reduced(f_[b]);
  }

  void head(ValueId v) {
    if (!first_head_) first_head_ = v;
    several_ = several_ || (v != first_head_ && !same_loop(first_head_, v));
    if (!nests_.empty() && nests_.back().head && same_loop(nests_.back().head, v)) {
      nests_.back().values.push_back(v);
      return;
    }
    Nest nest{v, {v}};
    if (!nests_.empty() && !nests_.back().head) {
      auto& before = nests_.back().values;
      while (!before.empty() && goes_with(v, before.back())) {
        nest.values.push_back(before.back());
        before.pop_back();
      }
      if (before.empty()) nests_.pop_back();
    }
    nests_.push_back(std::move(nest));
  }

  /// Whether a value before a head is of its loop: what a reduction reads, or what stands ready for
  /// the maps behind a contraction.
  bool goes_with(ValueId head, ValueId v) const {
    if (form(f_, head) == Form::Reduce)
      return shape(v) == shape(f_[head].args[0]) || shape(v) == shape(head);
    return shape(v) == shape(head) &&
           std::none_of(f_[head].args.begin(), f_[head].args.end(), [&](ValueId a) {
             while (is_view(f_, a) && a != v) a = f_[a].args[0];
             return a == v;
           });
  }

  void other(ValueId v) {
    if (nests_.empty() || !fits(nests_.back(), v)) nests_.push_back({});
    nests_.back().values.push_back(v);
  }

  bool fits(const Nest& nest, ValueId v) const {
    if (!nest.head) return shape(v) == shape(nest.values.back());
    if (shape(v) == shape(nest.head)) return true;
    return form(f_, nest.head) == Form::Reduce && !sums_rows(f_, f_[nest.head]) &&
           shape(v) == shape(f_[nest.head].args[0]);
  }

  /// A view stays in the nest of what it looks at when all its readers are there. One that nobody
  /// reads is a result: a nest of its own copies it, unless the loop before it can write it. So
  /// does one for a result that other nests read.
  void view(ValueId v) {
    const auto found = f_[v].args.size() == 1 ? nest_.find(f_[v].args[0]) : nest_.end();
    const bool elsewhere = found == nest_.end() || !read_in(v, found->second);
    if (elsewhere && !is_result(v)) return;
    const bool own =
        elsewhere ||
        (!is_read(v) && (has_contraction(nests_[found->second]) || !is_next(v, found->second)));
    const size_t nest = own ? nests_.size() : found->second;
    if (own) nests_.push_back({});
    nest_[v] = nest;
    nests_[nest].values.push_back(v);
  }

  bool is_result(ValueId v) const {
    return std::any_of(f_.results.begin(), f_.results.end(),
                       [&](const Result& r) { return r.value == v; });
  }

  bool is_read(ValueId v) const {
    return std::any_of(kernel_.begin(), kernel_.end(), [&](ValueId user) {
      const auto& args = f_[user].args;
      return std::find(args.begin(), args.end(), v) != args.end();
    });
  }

  bool has_contraction(const Nest& nest) const {
    return nest.head && form(f_, nest.head) == Form::Contract;
  }

  /// Whether no value of another nest stands between `v` and the values of `nest`.
  bool is_next(ValueId v, size_t nest) const {
    const auto before = nest_.lower_bound(v);
    return before != nest_.begin() && std::prev(before)->second == nest;
  }

  bool read_in(ValueId v, size_t nest) const {
    return std::all_of(kernel_.begin(), kernel_.end(), [&](ValueId user) {
      const auto& args = f_[user].args;
      if (std::find(args.begin(), args.end(), v) == args.end()) return true;
      return is_view(f_, user) ? read_in(user, nest) : nest_.at(user) == nest;
    });
  }
};

}  // namespace

RowRole row_role(const Function& function, const std::vector<ValueId>& values) {
  return Roles(function, values).role();
}

std::vector<std::vector<ValueId>> nests_of(const Function& function,
                                           const std::vector<ValueId>& kernel) {
  return Splitter(function, kernel).run();
}

bool can_stream(const Function& f, const OpenedKernel& opened) {
  std::set<ValueId> sums;
  for (KernelId nest : opened.nests) {
    std::vector<ValueId> values;
    for (size_t i = 0; i < f.values.size(); ++i)
      if (f.values[i].kernel == nest) values.push_back(ValueId(i));
    const RowRole role = row_role(f, values);
    if (role == RowRole::None) return false;
    for (ValueId v : values)
      for (ValueId a : f[v].args) {
        while (!f[a].kernel && is_view(f, a)) a = f[a].args[0];
        if (f[a].kernel != nest && sums.contains(a)) return false;
      }
    if (role == RowRole::Summed) sums.insert(values.begin(), values.end());
  }
  return true;
}

std::vector<OpenedKernel> open_nests(Function& function) {
  std::vector<std::vector<ValueId>> members(function.kernels.size());
  for (size_t i = 0; i < function.values.size(); ++i)
    if (function.values[i].kernel) members[function.values[i].kernel.index].push_back(ValueId(i));
  std::vector<OpenedKernel> opened;
  for (size_t k = 0; k < members.size(); ++k) {
    const auto nests = nests_of(function, members[k]);
    if (nests.empty()) continue;
    opened.push_back({KernelId(k), {}});
    for (ValueId v : members[k]) function[v].kernel = {};
    for (const auto& nest : nests) {
      const KernelId id(function.kernels.size());
      opened.back().nests.push_back(id);
      function.kernels.push_back(
          {fmt::format("{}.{}", function.kernels[k].name, opened.back().nests.size()), ""});
      for (ValueId v : nest) function[v].kernel = id;
    }
  }
  return opened;
}

}  // namespace netc::ir
