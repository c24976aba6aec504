#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "bpg/storage/storage.hpp"

namespace bpg::storage {

/// A regular file in an open directory.
struct FileEntry {
  int directory;
  const std::string& name;
  const struct stat& status;
};

/// The bytes of one file. Called from several threads.
using MeasureFile = std::function<Usage(const FileEntry&)>;

/// Sums the files of each tree, in parallel, hard links once. What vanishes meanwhile counts nothing.
std::vector<Usage> measure_trees(std::span<const std::filesystem::path> trees, const MeasureFile& measure);

/// The blocks that the file has allocated, as unique.
Usage allocated_usage(const FileEntry& file);

}  // namespace bpg::storage
