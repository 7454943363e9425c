# Options of the build, and the flags that follow from them.
#
# Flags for everything, Mbed TLS included, are set on the directory: optimization, sanitizers, hardening. Warnings are for
# our own code only and come with the interface library postern_warnings; postern_own adds the private include paths.

option(POSTERN_TESTS "Build the tests" ${PROJECT_IS_TOP_LEVEL})
option(POSTERN_FUZZ "Build the fuzz targets with libFuzzer (needs clang)" OFF)
option(POSTERN_COVERAGE "Count which lines run" OFF)
option(POSTERN_LTO "Optimize the library and the program across files" OFF)
option(POSTERN_HARDEN "Stack protector, checked string functions, read-only relocations" OFF)
set(POSTERN_SANITIZE "" CACHE STRING "Sanitizers for everything, as -fsanitize= takes them")

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# Programs are position independent as well (PIE), so one set of objects serves all.
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
include(CheckPIESupported)
check_pie_supported(LANGUAGES C)

add_compile_definitions(_GNU_SOURCE)

# What a consumer of the static library must be linked with too: kept for the consumer test.
set(POSTERN_INSTRUMENT_FLAGS)
if(POSTERN_SANITIZE)
    list(APPEND POSTERN_INSTRUMENT_FLAGS -fsanitize=${POSTERN_SANITIZE} -fno-sanitize-recover=all
         -fno-omit-frame-pointer)
endif()
if(POSTERN_FUZZ)
    if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
        message(FATAL_ERROR "POSTERN_FUZZ needs clang: cmake --preset fuzz chooses it")
    endif()
    list(APPEND POSTERN_INSTRUMENT_FLAGS -fsanitize=fuzzer-no-link)
endif()
if(POSTERN_COVERAGE)
    list(APPEND POSTERN_INSTRUMENT_FLAGS --coverage)
endif()
add_compile_options(${POSTERN_INSTRUMENT_FLAGS})
add_link_options(${POSTERN_INSTRUMENT_FLAGS})

# Sanitizer runtimes are resolved at start, not at link.
set(POSTERN_NO_UNDEFINED)
if(NOT POSTERN_SANITIZE)
    set(POSTERN_NO_UNDEFINED -Wl,-z,defs)
endif()

if(POSTERN_HARDEN)
    add_compile_options(-fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
    add_link_options(-Wl,-z,relro,-z,now,-z,noexecstack)
endif()

# Fat objects: the static library stays usable by a linker, or a compiler, that knows nothing of ours. What is not worth a
# whole-program pass (examples, tests) links their plain half, by POSTERN_LTO_NONE. GCC only: clang learned fat objects late.
set(POSTERN_LTO_COMPILE)
set(POSTERN_LTO_LINK)
set(POSTERN_LTO_NONE)
if(POSTERN_LTO AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
    set(POSTERN_LTO_COMPILE -flto=auto -ffat-lto-objects)
    set(POSTERN_LTO_LINK -flto=auto)
    set(POSTERN_LTO_NONE -fno-lto)
endif()

add_library(postern_warnings INTERFACE)
target_compile_options(postern_warnings INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror)

add_library(postern_own INTERFACE)
target_link_libraries(postern_own INTERFACE postern_warnings)
target_include_directories(postern_own INTERFACE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
