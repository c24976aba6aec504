#pragma once

namespace bpg {

/// Turns SIGINT, SIGTERM and SIGHUP into a flag, so that an operation ends by an exception and its clean-up
/// runs; ignores SIGPIPE, and lets children be waited for. Call once, in main.
void install_interrupt_handlers();

/// True from the first such signal on. Safe from any thread.
bool interrupted();

/// Throws `Error{interrupted}` once a signal has arrived, unless interrupts are held off.
void throw_if_interrupted();

/// A descriptor that becomes readable with the first signal, for poll(2).
int interrupt_fd();

/// While one lives, `throw_if_interrupted` does nothing: for clean-up, which must not itself be interrupted.
class HoldInterrupts {
 public:
  HoldInterrupts();
  ~HoldInterrupts();
  HoldInterrupts(const HoldInterrupts&) = delete;
  HoldInterrupts& operator=(const HoldInterrupts&) = delete;
};

}  // namespace bpg
