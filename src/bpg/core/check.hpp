#pragma once

#include <string>

namespace bpg {

/// One thing that a machine was examined for.
struct Check {
  enum class Verdict {
    ok,
    warning,  ///< it works, but not as it could or not for long
    missing,  ///< something does not work
  };

  std::string name;
  Verdict verdict = Verdict::ok;
  std::string found;   ///< what is so, and what that means
  std::string mend{};  ///< the command that mends it, or an advice; empty where nothing is to be done
};

inline const char* to_string(Check::Verdict verdict) {
  return verdict == Check::Verdict::ok ? "ok" : verdict == Check::Verdict::warning ? "warning" : "missing";
}

}  // namespace bpg
