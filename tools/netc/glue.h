// Between the frontend's settings and the runtime's structs: the one place that knows both.
#pragma once

#include <string>
#include <vector>

#include "frontend/program.h"
#include "runtime/data/dataset.h"
#include "runtime/error.h"
#include "runtime/trainer.h"
#include "tools/netc/session.h"

namespace netc::tools {

/// The program's `data` item. Throws UsageError when it has none.
runtime::DataSource data_source(const frontend::Program& program);
/// A loader written on the command line: `csv("more.csv", x = cols(0, 30))`; paths in it start at
/// the working directory.
runtime::DataSource parse_data_source(Session& session, const std::string& text);

/// The train block as the trainer wants it; directory and limits are the command's to add.
runtime::TrainerSettings trainer_settings(const frontend::Program& program,
                                          const frontend::ModelInfo& model);
/// `rmsprop(lr 1e-4, momentum 0.9)`, for the start line.
std::string optimizer_summary(const frontend::TrainSettings& train);

/// A run-time failure as a diagnostic, at the input's declaration and the data item it concerns.
ir::Diagnostic diagnose(const Session& session, const runtime::Error& error);
/// The same without a program.
ir::Diagnostic diagnose(const runtime::Error& error);

}  // namespace netc::tools
