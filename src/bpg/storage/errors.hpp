#pragma once

#include <filesystem>
#include <string_view>
#include <utility>

#include "bpg/util/error.hpp"

namespace bpg::storage {

/// Runs `work` and gives its errors the context `doing` and the code that the interface promises: what would be
/// `environment` elsewhere is `storage` here.
template <class Work>
auto in_storage(std::string_view doing, Work&& work) {
  try {
    return std::forward<Work>(work)();
  } catch (const Error& error) {
    const ErrorCode code = error.code() == ErrorCode::environment ? ErrorCode::storage : error.code();
    throw Error(code, error.message(), error.hint()).with_context(doing);
  } catch (const std::filesystem::filesystem_error& error) {
    const Error plain = system_error(error.code().value(), error.path1().string());
    const ErrorCode code = plain.code() == ErrorCode::environment ? ErrorCode::storage : plain.code();
    throw Error(code, plain.message(), plain.hint()).with_context(doing);
  }
}

}  // namespace bpg::storage
