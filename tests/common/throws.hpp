#pragma once

#include <gtest/gtest.h>

#include <utility>

#include "bpg/util/error.hpp"

namespace bpg::test {

/// The `Error` that `work` throws. A failure of the test, and an empty error, where it throws none.
template <class Work>
Error error_of(Work&& work) {
  try {
    std::forward<Work>(work)();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "nothing was thrown";
  return Error(ErrorCode::failure, "");
}

}  // namespace bpg::test
