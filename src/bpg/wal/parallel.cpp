#include "bpg/wal/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace bpg::wal {

void for_each_of(size_t count, unsigned jobs, const std::function<void(size_t)>& work) {
  std::atomic<size_t> next = 0;
  const auto run = [&] {
    for (size_t index = next++; index < count; index = next++) {
      work(index);
    }
  };
  std::vector<std::jthread> others;
  for (size_t i = 1; i < std::min<size_t>(count, jobs); ++i) {
    others.emplace_back(run);
  }
  run();
}

}  // namespace bpg::wal
