#pragma once

#include "bpg/runtime/runtime.hpp"

namespace bpg::runtime {

/// Runs the `postgres` binary itself, in a session of its own, with a `bpg-log` beside it. Not through pg_ctl,
/// whose polling costs up to 100 ms.
class NativeRuntime final : public Runtime {
 public:
  void start(const ServerSpec& spec, std::chrono::seconds deadline) override;
  void stop(const ServerSpec& spec, std::chrono::seconds deadline) override;
  void discard(const ServerSpec& spec, std::chrono::seconds deadline) override;
  void reload(const ServerSpec& spec) override;
  void wait_until_quiet(const ServerSpec& spec) const override;
  ServerStatus status(const ServerSpec& spec) const override;
};

}  // namespace bpg::runtime
