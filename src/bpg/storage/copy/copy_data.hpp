#pragma once

#include "bpg/storage/tree_copy.hpp"

namespace bpg::storage {

/// Copies the bytes of a file and leaves its holes out. A file that shrinks meanwhile is copied as far as it goes.
void copy_data(const FilePair& files);

}  // namespace bpg::storage
