#pragma once

#include <string>
#include <vector>

namespace bpg::cli {

/// Something that more than one command's help would have to tell.
struct Topic {
  std::string name;
  std::string title;
  std::string text;  ///< whole lines of at most 80 columns
};

const std::vector<Topic>& topics();

}  // namespace bpg::cli
