# Files that handlers serve from within the program: src/handlers/assets/*.{css,js,svg} become C arrays.
#
# Included, it names what is generated: POSTERN_ASSET_SOURCES. As a script it does the work at build time:
#   cmake -DOUT=FILE.c "-DFILES=A;B" -P PosternAssets.cmake
# src/handlers/assets.h declares the table. A file's tag is the beginning of its SHA-256, so that an address with the tag
# in it never shows two contents.

if(NOT CMAKE_SCRIPT_MODE_FILE)
    file(GLOB assets CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/src/handlers/assets/*.css
                                       ${CMAKE_CURRENT_SOURCE_DIR}/src/handlers/assets/*.js
                                       ${CMAKE_CURRENT_SOURCE_DIR}/src/handlers/assets/*.svg)
    set(POSTERN_ASSET_SOURCES ${CMAKE_CURRENT_BINARY_DIR}/generated/assets.c)
    add_custom_command(OUTPUT ${POSTERN_ASSET_SOURCES}
                       COMMAND ${CMAKE_COMMAND} -DOUT=${POSTERN_ASSET_SOURCES} "-DFILES=${assets}" -P ${CMAKE_CURRENT_LIST_FILE}
                       DEPENDS ${assets} ${CMAKE_CURRENT_LIST_FILE}
                       COMMENT "Embedding assets" VERBATIM)
    return()
endif()

set(type_css "text/css; charset=utf-8")
set(type_js "text/javascript; charset=utf-8")
set(type_svg "image/svg+xml")

set(arrays)
set(rows)
foreach(file IN LISTS FILES)
    cmake_path(GET file FILENAME name)
    cmake_path(GET file EXTENSION LAST_ONLY extension)
    string(SUBSTRING ${extension} 1 -1 extension)
    string(MAKE_C_IDENTIFIER ${name} id)
    file(READ ${file} hex HEX)
    file(SHA256 ${file} hash)
    string(SUBSTRING ${hash} 0 16 tag)
    file(SIZE ${file} size)
    string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
    string(APPEND arrays "static const unsigned char data_${id}[] = {\n${hex}\n};\n")
    string(APPEND rows "    {\"${name}\", \"${type_${extension}}\", \"${tag}\", \"\\\"${tag}\\\"\", data_${id}, ${size}},\n")
endforeach()

file(WRITE ${OUT} "/* Made by PosternAssets.cmake from src/handlers/assets. */\n#include \"handlers/assets.h\"\n\n"
                  "${arrays}\nconst struct pst_asset pst_assets[] = {\n${rows}    {0, 0, 0, 0, 0, 0},\n};\n")
