#include "bpg/engine/switching.hpp"

#include "bpg/engine/server.hpp"
#include "bpg/util/interrupt.hpp"

namespace bpg::engine {

Switching::Switching(Context& context, const BranchRef& branch) : m_context(context), m_branch(branch.branch.id) {
  Branch marked = branch.branch;
  marked.switching = true;
  context.catalog.write([&] { context.catalog.branches.update(marked); });
  stop_server(context, branch.branch, branch.branch.volume);
}

Switching::~Switching() {
  if (m_done) {
    return;
  }
  const HoldInterrupts hold;
  try {
    end_switching(m_context, m_branch);
  } catch (const std::exception&) {
    // The error that brought us here is the one to tell. The mark stays: the next command tries again.
  }
}

void end_switching(Context& context, const BranchId& id) {
  auto branch = context.catalog.branches.find(id);
  if (!branch) {
    return;
  }
  for (const Volume& volume : context.catalog.volumes.of_branch(id)) {
    if (volume.id != branch->volume) {
      stop_server(context, *branch, volume.id);
    }
  }
  const auto database = context.catalog.databases.find(branch->database);
  if (branch->state == State::ready && branch->wants_running && database) {
    start_server(context, {*database, *branch});
  }
  branch->switching = false;
  context.catalog.write([&] { context.catalog.branches.update(*branch); });
}

}  // namespace bpg::engine
