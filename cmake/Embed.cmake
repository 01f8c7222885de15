# Text files of the tree that the binary carries. netc_embed(target namespace name file...) adds to
# the target a source that defines
#   namespace netc::<namespace> { extern const std::pair<std::string_view, std::string_view> <name>[];
#                                 extern const size_t <name>_count; }
# with each file's name and text.
function(netc_embed target namespace name)
  set(entries "")
  list(LENGTH ARGN count)
  foreach(file ${ARGN})
    set_property(DIRECTORY ${PROJECT_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    file(READ ${file} text)
    get_filename_component(base ${file} NAME)
    # A string literal may be limited to 64 KiB: long files are split.
    string(LENGTH "${text}" length)
    set(literals "")
    set(at 0)
    while(at LESS length)
      string(SUBSTRING "${text}" ${at} 8000 part)
      string(APPEND literals "R\"netc_text(${part})netc_text\" ")
      math(EXPR at "${at} + 8000")
    endwhile()
    string(APPEND entries "  {\"${base}\", ${literals}},\n")
  endforeach()
  set(output ${PROJECT_BINARY_DIR}/embedded_${target}_${name}.cpp)
  file(CONFIGURE OUTPUT ${output} CONTENT
"#include <cstddef>
#include <string_view>
#include <utility>
namespace netc::@namespace@ {
extern const std::pair<std::string_view, std::string_view> @name@[];
extern const size_t @name@_count;
const std::pair<std::string_view, std::string_view> @name@[] = {
@entries@};
const size_t @name@_count = @count@;
}
" @ONLY)
  target_sources(${target} PRIVATE ${output})
endfunction()
