#include "tests/fuzz/mutate.h"

#include <random>
#include <vector>

#include "frontend/lexer.h"
#include "tests/fuzz/check.h"

namespace netc::fuzz {
namespace {

using frontend::Tok;

bool overlaps(const ir::Place& place, const ir::Place& token) {
  return place.file == token.file && place.line == token.line &&
         place.column < token.column + token.length && token.column < place.column + place.length;
}

}  // namespace

std::optional<Twin> mutate(const std::string& text, uint64_t seed) {
  std::mt19937_64 random(seed);
  frontend::SourceSet sources;
  frontend::Diagnostics diagnostics;
  const uint32_t file = sources.add("random.net", "", text);
  const frontend::Tokens tokens = frontend::lex(sources, file, 0, diagnostics);
  std::vector<frontend::Token> some;
  for (const frontend::Token& t : tokens.tokens)
    if (t.kind == Tok::Number || t.kind == Tok::Name) some.push_back(t);
  if (some.empty()) return {};
  const frontend::Token token = some[random() % some.size()];
  const std::string old = text.substr(token.begin, token.end - token.begin);
  std::string changed;
  static const char* const kTypes[] = {"f32", "f64", "i32", "i64", "u8", "bool"};
  if (token.kind == Tok::Number) {
    const frontend::Number number = frontend::number_value(old);
    const int64_t more = 1 + int64_t(random() % 3);
    changed = number.is_int ? std::to_string(number.integer + more) : old + "0";
  } else if (frontend::is_dtype_name(old)) {
    changed = kTypes[random() % 6];
  } else if (random() % 2) {
    changed = old + "q";
  } else {
    const frontend::Token& other = some[random() % some.size()];
    if (other.kind == Tok::Name) changed = text.substr(other.begin, other.end - other.begin);
  }
  if (changed.empty() || changed == old) changed = old + "q";
  Twin twin{text, token.begin, uint32_t(token.begin + changed.size())};
  twin.text.replace(token.begin, token.end - token.begin, changed);
  return twin;
}

TwinVerdict judge(const Twin& twin, std::string& message) {
  try {
    const Loaded loaded = load(twin.text);
    if (loaded.accepted()) return TwinVerdict::Accepted;
    const ir::Place token = loaded.sources.place({0, twin.begin, twin.end});
    TwinVerdict best = TwinVerdict::Elsewhere;
    for (const ir::Diagnostic& d : loaded.diagnostics.all()) {
      if (d.severity != ir::Severity::Error) continue;
      if (message.empty()) message = d.code + ": " + d.message;
      if (!d.code.starts_with("E")) return TwinVerdict::Broken;
      std::vector<ir::Place> places = {d.place};
      for (const auto& [place, label] : d.others) places.push_back(place);
      for (const ir::Place& place : places) {
        if (overlaps(place, token)) return TwinVerdict::OnToken;
        if (place.file == token.file && place.line == token.line) best = TwinVerdict::OnLine;
      }
    }
    return best;
  } catch (const std::exception& e) {
    message = std::string("exception: ") + e.what();
    return TwinVerdict::Broken;
  }
}

}  // namespace netc::fuzz
