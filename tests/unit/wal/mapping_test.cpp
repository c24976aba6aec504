#include "bpg/wal/mapping.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "bpg/util/file.hpp"
#include "common/temporary_directory.hpp"
#include "common/throws.hpp"

namespace bpg::wal {
namespace {

class MapPieces : public testing::Test {
 protected:
  std::string read(const std::string& content, uint64_t size) {
    write_file_atomic(m_file, content, {.mode = 0600, .durable = false});
    const UniqueFd fd = open_file(m_file, O_RDONLY);
    std::string bytes;
    map_pieces(fd.get(), size, m_file, [&](std::span<const std::byte> piece) {
      bytes.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    });
    return bytes;
  }

  test::TemporaryDirectory m_directory;
  std::filesystem::path m_file = m_directory / "file";
};

TEST_F(MapPieces, PassesOnWhatTheFileHolds) {
  std::string content((2 << 20) + 12'345, 'a');
  content[1 << 20] = 'b';
  content.back() = 'c';
  EXPECT_TRUE(read(content, content.size()) == content);
  EXPECT_EQ(read("short", 5), "short");
  EXPECT_EQ(read("short", 2), "sh");
  EXPECT_EQ(read("", 0), "");
}

TEST_F(MapPieces, FailsWhereTheFileCannotBeMapped) {
  EXPECT_THROW(map_pieces(-1, 1, m_file, [](std::span<const std::byte>) {}), Error);
}

}  // namespace
}  // namespace bpg::wal
