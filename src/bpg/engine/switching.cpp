#include "bpg/engine/switching.hpp"

#include "bpg/engine/server.hpp"
#include "bpg/util/error.hpp"
#include "bpg/util/interrupt.hpp"

namespace bpg::engine {

Switching::Switching(Context& context, const BranchRef& branch) : m_context(context), m_branch(branch.branch.id) {
  Branch marked = branch.branch;
  marked.switching = true;
  context.catalog.write([&] { context.catalog.branches.update(marked); });
  stop_server(context, branch.branch.volume);
}

Switching::~Switching() {
  if (m_done) {
    return;
  }
  const HoldInterrupts hold;
  try {
    end_switching(m_context, m_branch);
  } catch (const std::exception&) {
    // The error that brought us here is the one to tell.
  }
}

void end_switching(Context& context, const BranchId& id) {
  auto branch = context.catalog.branches.find(id);
  if (!branch) {
    return;
  }
  for (const Volume& volume : context.catalog.volumes.of_branch(id)) {
    if (volume.id != branch->volume) {
      stop_server(context, volume.id);
    }
  }
  const auto database = context.catalog.databases.find(branch->database);
  const auto clear_mark = [&] {
    branch->switching = false;
    context.catalog.write([&] { context.catalog.branches.update(*branch); });
  };
  if (branch->state == State::ready && branch->wants_running && database) {
    try {
      start_server(context, {*database, *branch});
    } catch (const Error& error) {
      if (error.code() != ErrorCode::interrupted) {
        clear_mark();  // else each command that follows would try again, and wait as long
      }
      throw;
    }
  }
  clear_mark();
}

}  // namespace bpg::engine
