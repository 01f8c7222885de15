// The entry function of every pass; each has its own file. `pass.h` is what others include.
#pragma once

#include "passes/pass.h"

namespace netc::passes {

ir::Module infer_shapes(ir::Module module, PassContext& context);
ir::Module differentiate(ir::Module module, PassContext& context);
ir::Module inline_calls(ir::Module module, PassContext& context);
ir::Module simplify(ir::Module module, PassContext& context);
ir::Module merge_common(ir::Module module, PassContext& context);
ir::Module erase_dead(ir::Module module, PassContext& context);
ir::Module move_results_last(ir::Module module, PassContext& context);
ir::Module keep_borders(ir::Module module, PassContext& context);
ir::Module choose_layouts(ir::Module module, PassContext& context);
ir::Module fuse(ir::Module module, PassContext& context);
ir::Module stream_batch(ir::Module module, PassContext& context);
ir::Module split_kernels(ir::Module module, PassContext& context);
ir::Module choose_panels(ir::Module module, PassContext& context);
ir::Module plan_memory(ir::Module module, PassContext& context);

}  // namespace netc::passes
