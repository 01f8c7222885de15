// Elaborates a program text for the tests of elaboration.
#pragma once

#include <string>

#include "frontend/elaborate.h"
#include "frontend/parse.h"
#include "ir/print.h"
#include "ir/reference.h"
#include "ir/verify.h"

namespace netc::frontend {

struct Program1 {
  SourceSet sources;
  Diagnostics diagnostics;
  Elaborated result;

  std::string findings() const { return render(diagnostics.all(), sources, {}); }
  std::string short_findings() const {
    return render(diagnostics.all(), sources, {.format = DiagnosticFormat::Short});
  }
  std::string text(const std::string& entry = "") const {
    ir::PrintOptions options;
    options.entry = entry;
    options.loc = ir::LocStyle::None;
    options.stage_line = entry.empty();
    return ir::print(result.module, options);
  }
};

inline Program1 elaborated(const std::string& text, const ElaborateOptions& options = {},
                           const std::string& name = "test.net") {
  Program1 program;
  std::vector<Unit> units(1);
  program.sources.add(name, "", text);
  units[0].ast = parse(program.sources, 0, program.diagnostics);
  if (program.diagnostics.has_errors()) return program;
  program.result = elaborate(units, program.sources, options, program.diagnostics);
  return program;
}

}  // namespace netc::frontend
