#include "bpg/runtime/docker/http.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <limits>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <fmt/format.h>

#include "bpg/util/error.hpp"
#include "bpg/util/fd.hpp"
#include "bpg/util/interrupt.hpp"
#include "bpg/util/text.hpp"

namespace bpg::runtime {

namespace http = boost::beast::http;
using boost::beast::error_code;

namespace {

/// A connected socket as Beast wants it (SyncStream), whose waits end with a signal or when patience does.
class SocketStream {
 public:
  SocketStream(UniqueFd socket, std::optional<std::chrono::milliseconds> patience)
      : m_socket(std::move(socket)), m_patience(patience) {}

  template <class Buffers>
  size_t read_some(const Buffers& buffers, error_code& error) {
    const boost::asio::mutable_buffer buffer = first(buffers);
    if (buffer.size() == 0) {
      error = {};
      return 0;
    }
    for (;;) {
      wait(POLLIN);
      const ssize_t count = ::recv(m_socket.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (count > 0) {
        error = {};
        return static_cast<size_t>(count);
      }
      if (count == 0) {
        error = boost::asio::error::eof;
        return 0;
      }
      if (errno != EINTR && errno != EAGAIN) {
        error.assign(errno, boost::system::system_category());
        return 0;
      }
    }
  }

  template <class Buffers>
  size_t write_some(const Buffers& buffers, error_code& error) {
    // A head is many buffers, and goes out as one.
    std::array<iovec, 64> pieces{};
    msghdr message{};
    message.msg_iov = pieces.data();
    const auto end = boost::asio::buffer_sequence_end(buffers);
    for (auto one = boost::asio::buffer_sequence_begin(buffers); one != end && message.msg_iovlen < pieces.size(); ++one) {
      const boost::asio::const_buffer buffer(*one);
      pieces[message.msg_iovlen++] = {const_cast<void*>(buffer.data()), buffer.size()};
    }
    for (;;) {
      wait(POLLOUT);
      const ssize_t count = ::sendmsg(m_socket.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (count >= 0) {
        error = {};
        return static_cast<size_t>(count);
      }
      if (errno != EINTR && errno != EAGAIN) {
        error.assign(errno, boost::system::system_category());
        return 0;
      }
    }
  }

  template <class Buffers>
  size_t read_some(const Buffers& buffers) {
    return or_throw([&](error_code& error) { return read_some(buffers, error); });
  }

  template <class Buffers>
  size_t write_some(const Buffers& buffers) {
    return or_throw([&](error_code& error) { return write_some(buffers, error); });
  }

 private:
  template <class Buffers>
  static boost::asio::mutable_buffer first(const Buffers& buffers) {
    const auto end = boost::asio::buffer_sequence_end(buffers);
    for (auto one = boost::asio::buffer_sequence_begin(buffers); one != end; ++one) {
      const boost::asio::mutable_buffer buffer(*one);
      if (buffer.size() > 0) {
        return buffer;
      }
    }
    return {};
  }

  template <class Work>
  static size_t or_throw(Work&& work) {
    error_code error;
    const size_t count = work(error);
    if (error) {
      throw boost::system::system_error(error);
    }
    return count;
  }

  void wait(short events) const {
    for (;;) {
      throw_if_interrupted();
      pollfd polled[2] = {{m_socket.get(), events, 0}, {interrupt_fd(), POLLIN, 0}};
      const int ready = ::poll(polled, 2, m_patience ? static_cast<int>(m_patience->count()) : -1);
      if (ready == 0) {
        throw Error(ErrorCode::environment, fmt::format("no answer within {}", format_duration(*m_patience)));
      }
      if (ready > 0 && polled[0].revents != 0) {
        return;
      }
    }
  }

  UniqueFd m_socket;
  std::optional<std::chrono::milliseconds> m_patience;
};

UniqueFd connect_to(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.native().size() >= sizeof address.sun_path) {
    throw Error(ErrorCode::environment, fmt::format("the path of the socket {} is too long", path.string()));
  }
  std::memcpy(address.sun_path, path.c_str(), path.native().size() + 1);
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket || ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    throw system_error(errno, fmt::format("cannot connect to {}", path.string()));
  }
  return socket;
}

[[noreturn]] void throw_broken(const error_code& error) {
  throw Error(ErrorCode::environment, fmt::format("the connection broke: {}", error.message()));
}

}  // namespace

struct HttpAnswer::Connection {
  Connection(UniqueFd socket, std::optional<std::chrono::milliseconds> patience) : stream(std::move(socket), patience) {
    parser.body_limit(std::numeric_limits<uint64_t>::max());
  }

  SocketStream stream;
  boost::beast::flat_buffer buffer;
  http::response_parser<http::buffer_body> parser;
};

HttpAnswer::HttpAnswer(std::unique_ptr<Connection> connection) : m_connection(std::move(connection)) {}
HttpAnswer::HttpAnswer(HttpAnswer&&) noexcept = default;
HttpAnswer& HttpAnswer::operator=(HttpAnswer&&) noexcept = default;
HttpAnswer::~HttpAnswer() = default;

int HttpAnswer::status() const { return static_cast<int>(m_connection->parser.get().result_int()); }

std::string HttpAnswer::header(const std::string& name) const {
  const auto value = m_connection->parser.get()[name];
  return {value.data(), value.size()};
}

std::optional<std::string> HttpAnswer::read() {
  auto& parser = m_connection->parser;
  char piece[16384];
  while (!parser.is_done()) {
    parser.get().body().data = piece;
    parser.get().body().size = sizeof piece;
    error_code error;
    http::read_some(m_connection->stream, m_connection->buffer, parser, error);
    if (error && error != http::error::need_buffer) {
      throw_broken(error);
    }
    const size_t count = sizeof piece - parser.get().body().size;
    if (count > 0) {
      return std::string(piece, count);
    }
  }
  return std::nullopt;
}

std::string HttpAnswer::read_all() {
  std::string all;
  while (const auto piece = read()) {
    all += *piece;
  }
  return all;
}

HttpAnswer send_http(const std::filesystem::path& socket, const HttpRequest& request) {
  auto connection = std::make_unique<HttpAnswer::Connection>(connect_to(socket), request.patience);
  http::request<http::string_body> message;
  message.method_string(request.method);
  message.target(request.target);
  message.version(11);
  message.set(http::field::host, "docker");
  message.set(http::field::connection, "close");
  if (!request.body.empty()) {
    message.set(http::field::content_type, "application/json");
    message.body() = request.body;
  }
  message.prepare_payload();
  error_code error;
  http::write(connection->stream, message, error);
  if (error) {
    throw_broken(error);
  }
  if (request.method == "HEAD") {
    connection->parser.skip(true);
  }
  http::read_header(connection->stream, connection->buffer, connection->parser, error);
  if (error) {
    throw_broken(error);
  }
  return HttpAnswer(std::move(connection));
}

}  // namespace bpg::runtime
