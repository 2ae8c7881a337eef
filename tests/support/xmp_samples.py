"""Side files in the exact style of the programs that write them."""

from __future__ import annotations

import codecs

RDF = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
_BEGIN = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'

LIGHTROOM = (
    """<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Adobe XMP Core 7.0-c000 1.000000, \
0000/00/00-00:00:00        ">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:lr="http://ns.adobe.com/lightroom/1.0/"
    xmlns:crs="http://ns.adobe.com/camera-raw-settings/1.0/"
   xmp:Rating="3"
   xmp:CreatorTool="Adobe Photoshop Lightroom Classic 13.2 (Macintosh)"
   crs:Version="16.2"
   crs:Exposure2012="+0.35">
   <dc:subject>
    <rdf:Bag>
     <rdf:li>animal</rdf:li>
     <rdf:li>dog</rdf:li>
     <rdf:li>Fr\u00fchling</rdf:li>
    </rdf:Bag>
   </dc:subject>
   <lr:hierarchicalSubject>
    <rdf:Bag>
     <rdf:li>animal|dog</rdf:li>
     <rdf:li>Fr\u00fchling</rdf:li>
    </rdf:Bag>
   </lr:hierarchicalSubject>
   <crs:ToneCurvePV2012>
    <rdf:Seq>
     <rdf:li>0, 0</rdf:li>
     <rdf:li>255, 255</rdf:li>
    </rdf:Seq>
   </crs:ToneCurvePV2012>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
"""
).encode()

DIGIKAM = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    + _BEGIN
    + """<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 4.4.0-Exiv2">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:digiKam="http://www.digikam.org/ns/1.0/"
    xmlns:MicrosoftPhoto="http://ns.microsoft.com/photo/1.0/"
    xmlns:lr="http://ns.adobe.com/lightroom/1.0/"
    xmlns:mediapro="http://ns.iview-multimedia.com/mediapro/1.0/"
    xmlns:dc="http://purl.org/dc/elements/1.1/"
   digiKam:PickLabel="0"
   digiKam:ColorLabel="0">
   <digiKam:TagsList>
    <rdf:Seq>
     <rdf:li>Places/Hamburg</rdf:li>
     <rdf:li>boat</rdf:li>
    </rdf:Seq>
   </digiKam:TagsList>
   <MicrosoftPhoto:LastKeywordXMP>
    <rdf:Bag>
     <rdf:li>Places/Hamburg</rdf:li>
     <rdf:li>boat</rdf:li>
    </rdf:Bag>
   </MicrosoftPhoto:LastKeywordXMP>
   <lr:hierarchicalSubject>
    <rdf:Bag>
     <rdf:li>Places|Hamburg</rdf:li>
     <rdf:li>boat</rdf:li>
    </rdf:Bag>
   </lr:hierarchicalSubject>
   <mediapro:CatalogSets>
    <rdf:Bag>
     <rdf:li>Places|Hamburg</rdf:li>
     <rdf:li>boat</rdf:li>
    </rdf:Bag>
   </mediapro:CatalogSets>
   <dc:subject>
    <rdf:Bag>
     <rdf:li>Hamburg</rdf:li>
     <rdf:li>boat</rdf:li>
    </rdf:Bag>
   </dc:subject>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""
).encode()

DARKTABLE = b"""<?xml version="1.0" encoding="UTF-8"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 4.4.0-Exiv2">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:exif="http://ns.adobe.com/exif/1.0/"
    xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/"
    xmlns:lr="http://ns.adobe.com/lightroom/1.0/"
    xmlns:darktable="http://darktable.sf.net/"
    xmlns:dc="http://purl.org/dc/elements/1.1/"
   xmpMM:DerivedFrom="IMG_0001.CR2"
   darktable:xmp_version="5"
   darktable:raw_params="0"
   darktable:auto_presets_applied="1"
   darktable:history_end="2">
   <lr:hierarchicalSubject>
    <rdf:Seq>
     <rdf:li>darktable|exported|jpeg</rdf:li>
     <rdf:li>darktable|format|cr2</rdf:li>
     <rdf:li>nature|bird|heron</rdf:li>
    </rdf:Seq>
   </lr:hierarchicalSubject>
   <darktable:history>
    <rdf:Seq>
     <rdf:li
      darktable:num="0"
      darktable:operation="rawprepare"
      darktable:params="0000000000000000"/>
     <rdf:li
      darktable:num="1"
      darktable:operation="exposure"
      darktable:params="gz02eJxjYGBgkGAAAAAiAAE="/>
    </rdf:Seq>
   </darktable:history>
   <dc:subject>
    <rdf:Seq>
     <rdf:li>bird</rdf:li>
     <rdf:li>darktable</rdf:li>
     <rdf:li>exported</rdf:li>
     <rdf:li>format</rdf:li>
     <rdf:li>heron</rdf:li>
     <rdf:li>nature</rdf:li>
    </rdf:Seq>
   </dc:subject>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
"""

BRIDGE = (
    _BEGIN
    + """<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Adobe XMP Core 5.6-c140 79.160451">
   <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
      <rdf:Description rdf:about=""
            xmlns:dc="http://purl.org/dc/elements/1.1/">
         <dc:format>image/x-adobe-dng</dc:format>
         <dc:subject>
            <rdf:Bag>
               <rdf:li>R&amp;D &lt;lab&gt;</rdf:li>
               <rdf:li>night</rdf:li>
            </rdf:Bag>
         </dc:subject>
      </rdf:Description>
      <rdf:Description rdf:about=""
            xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/">
         <photoshop:City>K\u00f6ln</photoshop:City>
      </rdf:Description>
   </rdf:RDF>
</x:xmpmeta>
"""
    + (" " * 100 + "\n") * 20
    + '<?xpacket end="w"?>'
).encode()

PICASA = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 5.5.0">'
    f'<rdf:RDF {RDF}><rdf:Description rdf:about="" '
    'xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:subject><rdf:Bag>'
    "<rdf:li>Frost</rdf:li><rdf:li>Yard</rdf:li></rdf:Bag></dc:subject>"
    "</rdf:Description></rdf:RDF></x:xmpmeta>"
).encode()

ACDSEE = b"""<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>\r
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 5.1.2">\r
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\r
  <rdf:Description rdf:about=""\r
    xmlns:acdsee="http://ns.acdsee.com/iptc/1.0/"\r
    xmlns:dc="http://purl.org/dc/elements/1.1/">\r
   <acdsee:categories>&lt;Categories&gt;&lt;Category Assigned="1"&gt;Horse&lt;/Category&gt;\
&lt;/Categories&gt;</acdsee:categories>\r
   <acdsee:rating>4</acdsee:rating>\r
   <dc:subject>\r
    <rdf:Bag>\r
     <rdf:li>Horse</rdf:li>\r
    </rdf:Bag>\r
   </dc:subject>\r
  </rdf:Description>\r
 </rdf:RDF>\r
</x:xmpmeta>\r
<?xpacket end="w"?>\0\0\0"""

EXIFTOOL = b"""<?xpacket begin='\xef\xbb\xbf' id='W5M0MpCehiHzreSzNTczkc9d'?>
<x:xmpmeta xmlns:x='adobe:ns:meta/' x:xmptk='Image::ExifTool 12.57'>
<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>

 <rdf:Description rdf:about=''
  xmlns:dc='http://purl.org/dc/elements/1.1/'>
  <dc:subject>
   <rdf:Bag>
    <rdf:li>Frost</rdf:li>
    <rdf:li>it's</rdf:li>
   </rdf:Bag>
  </dc:subject>
 </rdf:Description>

 <rdf:Description rdf:about=''
  xmlns:tiff='http://ns.adobe.com/tiff/1.0/'>
  <tiff:Make>Canon</tiff:Make>
 </rdf:Description>
</rdf:RDF>
</x:xmpmeta>
<?xpacket end='w'?>"""

NO_KEYWORDS = (
    f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF {RDF}><rdf:Description rdf:about="uuid:1" '
    'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="1"/></rdf:RDF></x:xmpmeta>\n'
).encode()
ATTRIBUTE = (
    f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF {RDF}><rdf:Description rdf:about="" '
    "xmlns:d='http://purl.org/dc/elements/1.1/' d:subject = 'tr&amp;m' d:format=\"image/jpeg\"/>"
    "</rdf:RDF></x:xmpmeta>"
).encode()
EMPTY_BAG = (
    f'<rdf:RDF {RDF}><rdf:Description rdf:about="">\n'
    '<q:subject xmlns:q="http://purl.org/dc/elements/1.1/"><rdf:Bag/></q:subject>\n'
    "</rdf:Description></rdf:RDF>"
).encode()
SIMPLE_VALUE = (
    f"<rdf:RDF {RDF}>\n <rdf:Description>\n"
    '  <dc:subject xmlns:dc="http://purl.org/dc/elements/1.1/">lone</dc:subject>\n'
    " </rdf:Description>\n</rdf:RDF>"
).encode()
CDATA = (
    f'<rdf:RDF {RDF}><rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/">'
    "<!-- <dc:subject> --><dc:subject><rdf:Bag><rdf:li><![CDATA[R&D <x>]]></rdf:li>"
    "</rdf:Bag></dc:subject></rdf:Description></rdf:RDF>"
).encode()
OTHER_PREFIX = b"""<RDF xmlns="http://www.w3.org/1999/02/22-rdf-syntax-ns#" \
xmlns:k="http://purl.org/dc/elements/1.1/" xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<Description r:about="x"><k:subject><Bag><li>a</li></Bag></k:subject></Description></RDF>"""
NO_DESCRIPTION = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF {RDF}/></x:xmpmeta>'.encode()
LATIN1 = (
    '<?xml version="1.0" encoding="ISO-8859-1"?>\n'
    f'<rdf:RDF {RDF}><rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/">'
    "<dc:subject><rdf:Bag><rdf:li>caf\u00e9</rdf:li></rdf:Bag></dc:subject></rdf:Description>"
    "</rdf:RDF>"
).encode("latin-1")

SAMPLES = {
    "lightroom": LIGHTROOM,
    "digikam": DIGIKAM,
    "darktable": DARKTABLE,
    "bridge": BRIDGE,
    "picasa": PICASA,
    "acdsee": ACDSEE,
    "exiftool": EXIFTOOL,
    "no-keywords": NO_KEYWORDS,
    "attribute": ATTRIBUTE,
    "empty-bag": EMPTY_BAG,
    "simple-value": SIMPLE_VALUE,
    "cdata": CDATA,
    "other-prefix": OTHER_PREFIX,
    "no-description": NO_DESCRIPTION,
    "latin1": LATIN1,
    "utf16": codecs.BOM_UTF16_LE + (_BEGIN + LIGHTROOM.decode()).encode("utf-16-le"),
    "utf16-big": codecs.BOM_UTF16_BE + DIGIKAM.decode().split("?>\n", 1)[1].encode("utf-16-be"),
    "utf8-mark": codecs.BOM_UTF8 + BRIDGE,
}
