// The elaborator: what is shared by the files elaborate_*.cpp. Holds the module being built, the
// function and names in sight, and how to report.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "frontend/elaborate.h"
#include "frontend/elaborate_number.h"
#include "frontend/elaborate_value.h"
#include "ir/builder.h"

namespace netc::frontend {

/// One argument of a call: an expression, or (left of `|>` and `.`) a value that stands already.
struct CallArg {
  std::string name;
  Span name_span;
  const Expr* expr = nullptr;
  std::optional<Val> value;
};

/// A call as written, whatever its form: `f(a)`, `a |> f`, `a.f()`.
struct CallSite {
  Span at;             ///< the callee's name
  Span span;           ///< all of it
  std::string callee;  ///< as written
  std::vector<CallArg> args;
};

/// Arguments by parameter; absent ones take the default.
using Bound = std::vector<CallArg*>;

/// A function that the compiler carries as code. `signature` is shown in errors and says the
/// parameters' names; those with ` = ` may be left out; a name that starts with `*` takes the rest.
struct Builtin {
  std::string signature;
  std::function<Val(class Elaborator&, CallSite&, Bound&)> apply;
  std::string name() const;
  struct Parameter {
    std::string name;
    bool optional = false;
    bool rest = false;
  };
  std::vector<Parameter> parameters() const;
};
/// The builtin called `name`, or null.
const Builtin* find_builtin(std::string_view name);
std::vector<std::string> builtin_names();

/// A parameter or state of the model or layer being elaborated.
struct Owned {
  ir::ValueId value;    ///< the parameter
  ir::ValueId current;  ///< states: the value after the assignments so far
  bool is_state = false;
  Span declared;
};

/// A function being built.
struct Frame {
  explicit Frame(ir::Module& module, ir::FunctionId f) : function(f), b(module, f) {}
  ir::FunctionId function;
  ir::Builder b;
  bool owns = false;                   ///< may hold parameters: models and layers
  bool weak_numbers = false;           ///< optimizers
  std::map<std::string, Owned> owned;  ///< by path
  std::vector<std::string> owned_order;
  std::map<std::string, std::shared_ptr<LayerInstance>> instances;  ///< by path
  std::map<std::string, int> sites;  ///< draws of random numbers by path
  ir::ValueId step, seed, row;       ///< inputs that random numbers need, once used
  std::map<uint32_t, std::pair<std::string, Span>> produced;  ///< values that a named layer gave
  std::map<uint32_t, Span> declared;                          ///< where inputs and parameters stand
  std::set<uint32_t> unbatched;                               ///< inputs that W0314 warned of
  ir::KernelId kernel;
  std::optional<ir::Type> state_type;  ///< optimizers: of states without a type
};

/// The body being elaborated: numbers of its anonymous layers, by place.
struct BodyContext {
  std::string path;                           ///< of the layer instance; empty in a model
  std::map<uint32_t, std::string> anonymous;  ///< start of the construction -> `linear0`
  const Item* item = nullptr;
};

/// A level of calls, for notes and places.
struct Level {
  std::string name;
  Span called_from;
  bool is_layer = false;
  bool is_std = false;
  std::vector<std::pair<Span, ir::Type>> given;  ///< the tensors, where they are written
};

/// The items of one file by name, those of its unaliased `use`s included.
struct UnitItems {
  const File* file = nullptr;
  bool is_std = false;
  bool staged = false;  ///< a dump
  std::map<std::string, ItemVal> items;
  std::map<std::string, size_t> aliases;
  std::map<std::string, Val> lets;  ///< evaluated
};

/// An instance of a fn for given argument types and settings.
struct Instance {
  ir::FunctionId function;
  bool failed = false;
  int64_t size = 0;            ///< ops, those of the calls in it counted
  std::vector<bool> weak;      ///< results that are run-time numbers
  std::vector<Val> constants;  ///< all results, when the call is known at compile time
};

/// What a model says, with `training` false or true.
struct ModelParts {
  std::vector<std::pair<std::string, ir::ValueId>> outputs, metrics;
  ir::ValueId loss;
  Span loss_span;
  std::vector<ir::ValueId> inputs;
};

/// A parameter that the optimizer changes.
struct Trained {
  std::string name;
  ir::Type type;
  ir::ValueId param, gradient;
  double factor = 1;  ///< on the learning rate
};

/// A dim of an operand, and the size that would agree.
struct DimOf {
  size_t operand, dim;
  ir::Dim size;
};

/// A dim that an integer tensor indexes.
struct Picked {
  int64_t dim;
  ir::ValueId index;
};

inline constexpr size_t kMaxCalls = 128;  ///< calls within calls
inline constexpr int kMaxDepth = 1000;    ///< expressions, through calls
inline constexpr size_t kMaxListItems = 100000;

class Elaborator {
 public:
  Elaborator(const std::vector<Unit>& units, SourceSet& sources, const ElaborateOptions& options,
             Diagnostics& diagnostics);
  Elaborated run();

  // Reporting (elaborate_report.cpp).
  ir::Diagnostic error(const char* code, std::string message, Span place, std::string label = "");
  void report(ir::Diagnostic d);
  [[noreturn]] void fail(ir::Diagnostic d);
  [[noreturn]] void fail(const char* code, std::string message, Span place, std::string label = "",
                         std::string help = "");
  /// What a rule of the ops said; its operands stand at `spans`.
  [[noreturn]] void fail(const ir::OpError& e, Span place, const std::vector<Span>& spans = {});
  void other(ir::Diagnostic& d, Span place, std::string label);
  Level level_of(const std::string& name, const CallSite& site, bool is_layer, bool is_std) const;
  /// Labels the tensors that a call was given.
  void label_arguments(ir::Diagnostic& d, const Level& call);
  /// Puts what the caller can do in the place of helps that are for the text of std.
  void help_caller(ir::Diagnostic& d, const Level& call) const;
  std::string text(Span span) const;
  /// `mlp.net:8:9`
  std::string place_text(Span span) const;
  std::string short_place(Span span) const;  ///< `8:9`

  // Names (elaborate_scope.cpp).
  void collect_items();
  const Binding* find(std::string_view name) const;
  std::optional<Val> lookup(std::string_view name);
  std::optional<Val> item(size_t unit, std::string_view name);
  Val let_value(size_t unit, const Item& item);
  Val name(const Expr& e, const std::string& name, bool as_function);
  void bind(const std::string& name, Val value, Span declared);
  std::vector<std::string> visible_names(bool functions_only) const;
  [[noreturn]] void unknown(const std::string& name, Span at, bool as_function);

  // Expressions (elaborate_expr.cpp).
  Val eval(const Expr& e);
  Val eval(CallArg& arg);
  Val eval_member(const Expr& e, const Member& m);
  Val eval_unary(const Expr& e, const Unary& u);
  Val eval_binary(const Expr& e, const Binary& b);
  std::string describe(const Val& v) const;  ///< `f32[batch, 10]`, `the string "a"`
  bool dotted(const Expr& e, std::string& out) const;
  void refuse_pipe_into(const Pipe& pipe, const Call& call);

  // What a value must be; fails with the place of `e` otherwise.
  ir::ValueId tensor(const Val& v, Span at);         ///< numbers become rank-0 constants
  ir::ValueId strong_tensor(const Val& v, Span at);  ///< the same with run-time numbers cast
  /// What is joined or multiplied: bool takes the dtype of the others.
  std::vector<ir::ValueId> strong_tensors(const std::vector<Val>& values,
                                          const std::vector<Span>& spans);
  NumberVal number(const Val& v, Span at, const char* what);
  ir::Dim size(const Val& v, Span at, const char* what);
  int64_t constant_int(const Val& v, Span at, const char* what);
  bool truth(const Val& v, Span at, const char* what);
  std::string string(const Val& v, Span at, const char* what);

  // Operators (elaborate_operators.cpp).
  Val elementwise(ir::Op op, const std::vector<Val>& operands, const std::vector<Span>& spans,
                  Span at, const char* shown);
  Val cast(const Val& v, ir::DType to, Span at);
  ir::ValueId broadcast_to(ir::ValueId v, const ir::Shape& shape, Span at);
  /// base ** exponent of a tensor of whole numbers, by squaring.
  Val integer_power(const Val& base, int64_t exponent, const Binary& b, Span at);
  Val weak_operation(ir::Op op, const std::vector<Val>& operands, Span at);

  // Emission.
  ir::ValueId emit(Span at, const std::function<ir::ValueId(ir::Builder&)>& build,
                   const std::vector<Span>& spans = {});
  const ir::Type& type(ir::ValueId v) const { return frame_->b.type(v); }
  ir::LocId loc(Span at);
  void check_limits(const ir::Type& t, Span at);
  /// A parameter of the function being built, its type checked first.
  ir::ValueId declare(const std::string& name, const ir::Type& type, ir::Role role,
                      std::optional<ir::Initializer> init, Span at);
  void check_duplicates(const std::vector<ParamDecl>& params, std::map<std::string, Span>& seen);
  void name_value(const Val& v, const std::string& name);

  // Types and sizes (elaborate_types.cpp).
  ir::DType dtype(const TypeSyntax& t) const;
  bool is_setting(const ParamDecl& p) const;
  /// A written type all of whose sizes are known (names may be bound here when `bind_names`).
  ir::Type resolve(const TypeSyntax& t, bool bind_names);
  /// The place that a dump gives a value of type `t`; E0301 for panels that the type cannot have.
  ir::Storage stored_at(const Storage& storage, const ir::Type& t, Span span);
  ir::Dim dim(const Expr& e);
  /// Matches `actual` against `t`, binding free names in the current scope. Expressions over names
  /// that are not bound yet are left for `check`. Returns what does not agree.
  struct Mismatch {
    enum class Kind : uint8_t { DType, Rank, Size } kind;
    size_t position = 0;  ///< in the written dims
    ir::Dim wanted, found;
    int from_end = 0;  ///< 1: the last dim of the value
  };
  std::optional<Mismatch> match(const TypeSyntax& t, const ir::Type& actual);
  std::string expected_text(const TypeSyntax& t);  ///< with known names replaced
  std::optional<ir::Dim> try_dim(const Expr& e);
  /// Elaborates a typed fn or layer for itself, with open sizes.
  void check_declared(const Item& item, size_t unit);
  bool check_fn(const ItemVal& fn, int run_rank);
  bool check_layer(const ItemVal& layer, int run_rank);
  ir::Type open_type(const TypeSyntax& t, int run_rank);

  // Calls (elaborate_calls.cpp).
  Val call(const Expr& e, const Call& c);
  Val apply(const Val& callee, CallSite& site);
  Bound bind_arguments(const std::vector<ParamDecl>& params, CallSite& site,
                       const std::string& signature);
  Bound bind_arguments(const std::vector<Builtin::Parameter>& params, CallSite& site,
                       const std::string& name, const std::string& signature);
  std::string signature(const Item& item) const;
  Val call_fn(const ItemVal& fn, CallSite& site);
  Val construct(const ItemVal& layer, CallSite& site);
  Val call_layer(const std::shared_ptr<LayerInstance>& instance, CallSite& site);
  void remember_producer(const LayerInstance& instance, const LayerItem& node,
                         const std::vector<Val>& results);
  Val call_entry(ir::FunctionId f, CallSite& site);
  Val special_where(CallSite& site);
  void match_argument(const ParamDecl& p, ir::ValueId v, const CallArg& arg, CallSite& site,
                      const std::string& callee, const LayerInstance* instance);
  [[noreturn]] void argument_mismatch(const ParamDecl& p, const Mismatch& m, ir::ValueId v,
                                      const CallArg& arg, CallSite& site, const std::string& callee,
                                      const LayerInstance* instance);
  std::string swapped_arguments(const ParamDecl& p, const CallSite& site);
  /// The named layer whose result `v` is, up to elementwise ops.
  const std::pair<std::string, Span>* producer_of(ir::ValueId v) const;
  bool impure(const ItemVal& fn);
  Instance instantiate(const ItemVal& fn, Scope scope, std::vector<Val> values, CallSite& site);
  Val inline_fn(const ItemVal& fn, Scope& scope, CallSite& site);
  Val emit_call(const Instance& instance, const std::vector<ir::ValueId>& args,
                const std::string& settings, Span at);
  void enter_call(Span at);
  static bool is_size_of(const LayerItem& layer, const std::string& name);
  ir::FunctionId new_function(const std::string& name, bool is_std, Span at);
  /// The settings of an item: given ones evaluated where the call stands and passed to `check`, the
  /// others their defaults, which may use settings before them.
  std::vector<Val> setting_values(
      const std::vector<ParamDecl>& settings, const Bound& bound, size_t unit,
      const std::string& callee,
      const std::function<void(const ParamDecl&, const Val&, Span)>& check);
  /// A tensor as a setting of a function with a `grad` block would silently get gradient 0.
  void refuse_lost_gradient(const ParamDecl& p, const Val& v, Span at, const std::string& callee);
  void check_setting(const ParamDecl& p, const Val& v, Span at, const std::string& callee);
  /// Path of an anonymous instance, or of a call that draws random numbers, built at `at`.
  std::string body_path(Span at, const std::string& name) const;
  std::string owned_path(const std::string& name) const;
  std::string value_text(const Val& v) const;  ///< as an argument in core form
  void gradient_function(const ItemVal& fn, ir::FunctionId forward, const Scope& scope,
                         const std::vector<std::pair<const ParamDecl*, ir::ValueId>>& inputs);

  // Bodies.
  /// Elaborates statements up to `return`; gives its values (empty without one).
  std::vector<Val> body(const Block& block, BodyContext& context,
                        std::vector<Span>* spans = nullptr);
  void statement(const Stmt& s);
  void bind_statement(const Bind& b, const Stmt& s);
  void var_decl(const VarDecl& d);
  void number_anonymous(const Block& block, BodyContext& context);
  std::optional<ItemVal> callee_item(const Expr& callee);
  bool is_layer_name(const Expr& callee);
  bool assign_state(const Bind& b, const std::string& name);
  void kernel_block(const KernelBlock& k);
  void begin_note(const Stmt& s);
  void end_note(size_t first_value);
  std::string suggested_gradient(const FnItem& fn, const ParamDecl& input,
                                 const GradBlock& grad) const;
  std::vector<Val> check_results(const std::vector<ResultType>& results, std::vector<Val> values,
                                 const std::vector<Span>& spans, const std::string& callee);
  void limit_ops(Span at);

  // Parameters (elaborate_params.cpp).
  Val use_owned(const std::string& name);
  const Expr* chosen_initializer(const Expr& e);
  ir::ValueId owned_param(const std::string& path, const VarDecl& d, const Expr& init);
  ir::Initializer initializer(const Expr& e);
  std::optional<Val> member_param(const LayerInstance& instance, const std::string& name);

  // Indexing and contraction.
  Val subscript(const Expr& e, const Subscript& s);
  Val matmul(const Val& lhs, const Val& rhs, Span lhs_span, Span rhs_span, Span at);
  Val einsum(const std::string& spec, Span spec_span, const std::vector<Val>& operands,
             const std::vector<Span>& spans, const std::vector<const Expr*>& exprs, Span at);
  std::string label_of(ir::ValueId v) const;  ///< its type, and where it is declared
  void suggest_declaration(ir::Diagnostic& e, const std::vector<DimOf>& dims,
                           const std::vector<Val>& operands, const std::vector<const Expr*>& exprs);
  ir::ValueId gather_dims(ir::ValueId v, const std::vector<Picked>& picked, Span at);
  ir::ValueId take_slice(ir::ValueId v, int64_t dim, const std::optional<ir::Dim>& start,
                         const std::optional<ir::Dim>& stop, int64_t step, Span at);
  /// A number as the index of one element along `dim` of `t`, counted from the front.
  ir::Dim element_index(const ir::Type& t, int64_t dim, const Val& index, Span at);
  ir::ValueId gather_index(ir::ValueId v, const ir::Dim& n, bool wrap, Span at);

  // Models, optimizers, dumps.
  void model(const Item& item, size_t unit);
  void model_body(const Item& item, ModelParts& parts);
  void model_statement(const Stmt& s, ModelParts& parts);
  void add_entry(const std::string& name, const Frame& frame, std::vector<ir::Result> results);
  void model_update(const std::string& model,
                    const std::vector<std::pair<std::string, ir::Type>>& params);
  const TrainItem* train_item() const;
  /// Returns the norm of all gradients before clipping; nothing when it is by value.
  ir::ValueId clip_gradients(const Expr& e, std::vector<Trained>& trained);
  void read_patterns(const TrainItem& train,
                     const std::vector<std::pair<std::string, ir::Type>>& params,
                     std::vector<bool>& frozen, std::vector<double>& factors);
  ItemVal optimizer_of(const TrainItem& train, CallSite& site);

  // Micro-batches and moving averages (elaborate_averages.cpp).
  Val plain(ir::Op op, const std::vector<Val>& operands, Span at);
  /// sum + share * gradient: over all micro-batches of a step, the gradient of the mean loss.
  ir::ValueId summed_gradient(const Trained& t, ir::ValueId sum, ir::ValueId share, Span at);
  /// Gradients become those of the whole step, states that keep their sums are reset. Returns the
  /// input `_share`.
  ir::ValueId average_gradients(std::vector<Trained>& trained, std::vector<ir::Result>& results,
                                Span at);
  /// `M.collect`: adds the gradients of a micro-batch that is not the step's last to the sums.
  void model_collect(const std::string& model, const std::vector<Trained>& trained, Span at);
  /// The next value of the moving average of a parameter; the average starts at its first one.
  ir::Result moving_average(const Trained& t, ir::ValueId next, ir::ValueId step, Span at);
  /// With micro-batches: the index within the whole batch of the first number drawn for a value.
  ir::ValueId first_draw(const ir::Type& t, Span at);

  bool is_concrete(const Item& item, size_t unit) const;
  void entry_function(const Item& item, size_t unit);
  void derive_missing();
  void model_info_of_dump(const std::string& model);
  void prune();
  void warn_unused();
  /// A loss of std that takes logits and gets what is no longer some (W0407).
  void warn_of_probabilities(const std::string& loss, const std::vector<Val>& values,
                             const Bound& bound);
  /// An input of a program that trains, of one record's type `t` (W0314).
  void warn_of_missing_batch(ir::ValueId input, Span at);
  /// An optimizer's first setting, given by position where a learning rate may be meant (W0501).
  void warn_of_unnamed_setting(const OptimizerItem& optimizer, const Bound& bound);
  /// Inputs of bytes that reach a product with other values as they are (W0312).
  void warn_of_bytes(const Frame& frame);
  static bool is_state(const Block& block, const std::string& name);
  /// What `results` need of `from`; of its parameters also those that `keep` asks for, in the order
  /// inputs, params, states, `last`.
  static ir::Function slice(const ir::Function& from, const std::vector<ir::Result>& results,
                            const std::function<bool(const ir::Parameter&, bool reached)>& keep,
                            std::vector<ir::ValueId>* kept_params = nullptr,
                            const std::set<uint32_t>& last = {}, bool reorder = false);

  const std::vector<Unit>& units_;
  SourceSet& sources_;
  const ElaborateOptions& options_;
  Diagnostics* diagnostics_;
  Elaborated out_;
  ir::Module& module_;
  std::vector<File> std_asts_;
  std::vector<UnitItems> items_;
  size_t first_std_ = 0;

  Frame* frame_ = nullptr;
  Scope* scope_ = nullptr;
  const BodyContext* body_ = nullptr;
  bool training_ = false;
  bool check_only_ = false;  ///< elaborating a declaration for itself
  std::vector<Level> levels_;
  std::vector<ir::LocId> called_from_{ir::LocId{}};
  std::vector<const Item*> active_;  ///< fns and layers being elaborated, for recursion
  std::map<std::string, Instance> instances_;
  std::map<const Item*, int> impure_;
  std::map<const Item*, ir::FunctionId> entries_;  ///< fns of a dump, which are never instantiated
  std::set<const Item*> entries_done_;
  std::set<std::string> function_names_;
  std::set<const Item*> bad_items_;
  std::set<const Item*> evaluating_;  ///< lets
  int64_t ops_ = 0;
  int depth_ = 0;
  const Stmt* statement_ = nullptr;
  std::string pending_name_;  ///< name that the layer being constructed is bound to
  Span body_at_;              ///< name of the fn or layer whose body is elaborated
  /// What stands behind the statement of a dump.
  struct Note {
    bool given = false;  ///< places come from it
    std::vector<ir::LocId> locs;
    std::string vjp, remark;
  };
  Note note_;
};

/// Sets a variable and restores it at the end of the block.
template <class T>
class Restore {
 public:
  Restore(T& variable, T value) : variable_(variable), old_(std::move(variable)) {
    variable = std::move(value);
  }
  ~Restore() { variable_ = std::move(old_); }
  Restore(const Restore&) = delete;
  Restore& operator=(const Restore&) = delete;

 private:
  T& variable_;
  T old_;
};

}  // namespace netc::frontend
